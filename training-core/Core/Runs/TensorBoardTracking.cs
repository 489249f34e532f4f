using System.Threading.Channels;
using Ctwa.Training.Tracking;

namespace Ctwa.Training.Runs;

/// <summary>
/// Keeps a run's <c>tensorboard/</c> folder up to its metrics.jsonl, in a task of its own. It reads the file behind the run, so there is
/// no queue that could fill: slow storage makes it lag, a failing one ends it, and neither delays or fails a step.
/// </summary>
internal sealed class TensorBoardTracking : IAsyncDisposable
{
    /// <summary>Folder in the run directory.</summary>
    public const string FolderName = "tensorboard";

    /// <summary>How long the end of a run waits for the last steps to be written.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly RunDirectory _run;
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _abandoned = new();
    private readonly Task _task;
    private TensorBoardHistory? _history;
    private MetricsTail? _tail;
    private int _restart = 1;
    private string? _failure;

    public TensorBoardTracking(RunDirectory run)
    {
        _run = run;
        _task = Task.Run(FollowAsync);
    }

    /// <summary>The metrics were cut back to an earlier step: the history is written anew.</summary>
    public void Restart()
    {
        Interlocked.Exchange(ref _restart, 1);
        Advance();
    }

    /// <summary>There are new metrics.</summary>
    public void Advance() => _news.Writer.TryWrite(true);

    /// <summary>What ended the tracking, once; null: nothing did.</summary>
    public string? TakeFailure() => Interlocked.Exchange(ref _failure, null);

    /// <summary>Waits a little for what is still to be written.</summary>
    public async ValueTask DisposeAsync()
    {
        Advance();
        _news.Writer.TryComplete();
        if (await Task.WhenAny(_task, Task.Delay(s_patience)) != _task) { await _abandoned.CancelAsync(); }
        else { _abandoned.Dispose(); }
    }

    private async Task FollowAsync()
    {
        try
        {
            while (await _news.Reader.WaitToReadAsync(_abandoned.Token))
            {
                _news.Reader.TryRead(out _);
                if (Interlocked.Exchange(ref _restart, 0) == 1) { BeginAnew(); }
                else { Append(); }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            _failure = $"TensorBoard files are no longer written: {failure.Message.TrimEnd('.')}. The run goes on; `ctwa report RUN --tensorboard DIR` writes them from its metrics.";
        }
        catch (Exception failure) when (failure is RunFencedException or OperationCanceledException)
        {
            // Another coordinator writes them now, or the process ends.
        }
        finally
        {
            _history?.Dispose();
        }
    }

    private void BeginAnew()
    {
        _history?.Dispose();
        _history = null;
        var history = TensorBoardHistory.Of(Path.Combine(_run.Path, FolderName), Path.Combine(_run.Path, "metrics.jsonl"), out var tail);
        _history = history;
        _tail = tail;
        // A coordinator that was replaced must not put an old history into the place of the new one's.
        _run.Fenced(history.Publish);
    }

    private void Append()
    {
        if (_history is null || _tail is null) { return; }
        foreach (var line in _tail.ReadLines())
        {
            _abandoned.Token.ThrowIfCancellationRequested();
            _history.Add(line.Span);
        }

        _history.Flush();
    }
}
