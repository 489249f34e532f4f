using System.Threading.Channels;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards.Programs;

/// <summary>Keeps one copy of a program running and hands it items from the queue.</summary>
internal sealed class ProgramWorker(RewardSource source, ProcessRewardSpec spec, Backoff backoff, Action<string> log, ChannelReader<PendingItem> queue)
{
    private readonly string _name = $"program '{spec.Command[0]}' of {source.Name}";
    private readonly TimeSpan _startTimeout = ScoringTimeout.Parse($"start_timeout of {source.Name}", spec.StartTimeout);
    private readonly Queue<PendingItem> _alone = new();
    private readonly Queue<PendingItem> _again = new();
    private GraderProgram? _program;
    private bool _hasReplied;
    private int _fruitless;
    private long _nextId;

    /// <summary>Works until the queue ends or is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        List<PendingItem> batch = [];
        try
        {
            while ((batch = await NextAsync(stop)).Count > 0) { await ServeAsync(batch, stop); }
        }
        catch (OperationCanceledException)
        {
            // The job ends.
        }
        finally
        {
            _program?.Dispose();
            foreach (var item in batch.Concat(_alone).Concat(_again)) { item.Cancel(); }
        }
    }

    /// <summary>Who goes next: suspects one at a time, then those that failed by themselves, then the queue.</summary>
    private async Task<List<PendingItem>> NextAsync(CancellationToken stop)
    {
        if (_alone.TryDequeue(out var suspect)) { return [suspect]; }
        List<PendingItem> batch = [];
        while (batch.Count < spec.BatchSize && _again.TryDequeue(out var item)) { batch.Add(item); }
        while (batch.Count == 0 && await queue.WaitToReadAsync(stop)) { Fill(batch); }
        Fill(batch);
        return batch;
    }

    private void Fill(List<PendingItem> batch)
    {
        while (batch.Count < spec.BatchSize && queue.TryRead(out var item)) { batch.Add(item); }
    }

    private async Task ServeAsync(List<PendingItem> batch, CancellationToken stop)
    {
        if (_program is null && _fruitless > 0) { await Task.Delay(backoff.After(_fruitless - 1), stop); }
        var waiting = new Dictionary<long, PendingItem>();
        foreach (var item in batch) { waiting.Add(_nextId++, item); }
        string? end = await ExchangeAsync(waiting, stop);
        if (end is null) { return; }

        _program?.Dispose();
        _program = null;
        if (!_hasReplied) { _fruitless++; }
        _hasReplied = false;
        string reason = $"{_name}: {end}";
        log(FormattableString.Invariant($"{reason}. It is started again for the next completion; {waiting.Count} completions were unanswered."));
        if (_fruitless > spec.MaxRestarts) { Despair(FormattableString.Invariant($"{_name} was given up after {_fruitless} starts in a row without a reply: {end}"), waiting.Values); }
        else if (batch.Count == 1)
        {
            foreach (var item in waiting.Values.Where(item => item.Fail(reason, source.Retries))) { _alone.Enqueue(item); }
        }
        else
        {
            foreach (var item in waiting.Values) { _alone.Enqueue(item); }
        }
    }

    /// <summary>Everybody who waits now fails; whoever comes later gets one start.</summary>
    private void Despair(string reason, IEnumerable<PendingItem> unanswered)
    {
        _fruitless = spec.MaxRestarts;
        foreach (var item in unanswered.Concat(_alone).Concat(_again)) { item.GiveUp(reason); }
        _alone.Clear();
        _again.Clear();
        while (queue.TryRead(out var item)) { item.GiveUp(reason); }
    }

    /// <summary>Sends requests and reads their replies; answered items leave the dictionary.</summary>
    /// <returns>Null if all were answered; else why the program cannot go on.</returns>
    private async Task<string?> ExchangeAsync(Dictionary<long, PendingItem> waiting, CancellationToken stop)
    {
        using var exchange = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task sending = Task.CompletedTask;
        try
        {
            _program ??= GraderProgram.Start(spec, _name, log);
            using var requests = new MemoryStream();
            foreach (var (id, item) in waiting) { item.WriteTo(requests, id); }
            // Beside the reading: a program that answers while it reads would otherwise wait for us as we for it.
            sending = _program.SendAsync(requests.ToArray(), exchange.Token);
            while (waiting.Count > 0)
            {
                var limit = _hasReplied ? source.Timeout : _startTimeout;
                var receiving = _program.ReceiveAsync(exchange.Token).AsTask();
                if (await Task.WhenAny(receiving, Task.Delay(limit, stop)) != receiving)
                {
                    stop.ThrowIfCancellationRequested();
                    return FormattableString.Invariant($"no reply within {limit.TotalSeconds:0.###} s");
                }

                if (await receiving is not { } line) { return $"it ended before it had replied {await _program.EpitaphAsync()}"; }
                Settle(line, waiting);
            }

            await sending;
            return null;
        }
        catch (RewardReplyException error)
        {
            return error.Message + "; only replies belong on standard output, everything else on standard error";
        }
        catch (IOException error)
        {
            return _program is null ? $"it cannot be started: {error.Message}" : $"it reads no more requests {await _program.EpitaphAsync()}";
        }
        finally
        {
            await exchange.CancelAsync();
            await sending.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(1), CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <exception cref="RewardReplyException">The line is no reply to anybody who waits.</exception>
    private void Settle(byte[] line, Dictionary<long, PendingItem> waiting)
    {
        if (line.AsSpan().Trim(" \t"u8).IsEmpty) { return; }
        ItemReply reply;
        try
        {
            using var document = ReplyJson.Parse(line);
            reply = ItemReply.Read(document.RootElement);
            if (!waiting.ContainsKey(reply.Id)) { throw new RewardReplyException(FormattableString.Invariant($"id {reply.Id} is no request that waits for its reply")); }
        }
        catch (RewardReplyException error)
        {
            throw new RewardReplyException(FormattableString.Invariant($"line {_program!.Lines} of its output is no reply: {error.Message}"), error);
        }

        (_hasReplied, _fruitless) = (true, 0);
        waiting.Remove(reply.Id, out var item);
        // A number that is none is a failed attempt like an error: it is tried again.
        string? failure = reply.Reply.Failure ?? reply.Reply.Outputs.Select(output => ScoreAttempt.Of(output.Value).Failure).FirstOrDefault(one => one is not null);
        if (failure is null) { item!.Succeed(reply.Reply); }
        else if (reply.Reply.Failure is null && reply.Reply.Outputs.Length > 1) { item!.Succeed(reply.Reply); }
        else if (item!.Fail(failure, source.Retries)) { _again.Enqueue(item); }
    }
}
