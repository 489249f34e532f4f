using System.Text;
using System.Threading.Channels;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs.Streams;

/// <summary>
/// Takes a job's events to its stream, beside the training and never in its way: what does not fit into the queue, or is not
/// taken in time, is dropped and counted. Watchers see the gap in the numbers and ask for what they miss.
/// </summary>
internal sealed class JobEventFeed : IAsyncDisposable
{
    /// <summary>Events that may wait for a slow stream.</summary>
    public const int Capacity = 256;

    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(5);
    private readonly System.Threading.Channels.Channel<JobStreamItem> _waiting = System.Threading.Channels.Channel.CreateBounded<JobStreamItem>(new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly CancellationTokenSource _closing = new();
    private readonly Func<JobStreamItem, Task> _publish;
    private readonly Action _dropped;
    private readonly Task _pump;

    /// <param name="publish">Puts one event into the stream.</param>
    /// <param name="dropped">Is told of each event that is lost.</param>
    public JobEventFeed(Func<JobStreamItem, Task> publish, Action dropped)
    {
        (_publish, _dropped) = (publish, dropped);
        // Its own flow: the caller's turn must never have to wait for a stream.
        _pump = Task.Run(PumpAsync);
    }

    /// <summary>Returns at once.</summary>
    public void Post(JobStreamItem item)
    {
        // A message of a stream is a message (invariant I8).
        if (Encoding.UTF8.GetByteCount(item.Event.Json) > GridLimits.AnswerBytes || !_waiting.Writer.TryWrite(item)) { _dropped(); }
    }

    /// <summary>Gives what waits a moment to be sent.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_waiting.Writer.TryComplete()) { return; }
        _closing.CancelAfter(s_deadline);
        await _pump;
        _closing.Dispose();
    }

    private async Task PumpAsync()
    {
        await foreach (var item in _waiting.Reader.ReadAllAsync(CancellationToken.None))
        {
            try
            {
                if (_closing.IsCancellationRequested) { _dropped(); continue; }
                await _publish(item).WaitAsync(s_deadline, _closing.Token);
            }
            catch (Exception failure) when (failure is TimeoutException or OperationCanceledException or OrleansException or InvalidOperationException or IOException)
            {
                _dropped();
            }
        }
    }
}
