using System.Threading.Channels;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards.Programs;

/// <summary>
/// Scores from a program that reads and writes lines of JSON. Copies start when they are first needed and are started again
/// when they die, hang or answer nonsense. Whoever was unanswered then goes alone next time, so that the one completion that
/// kills a program cannot take others with it.
/// </summary>
internal sealed class ProcessRewardModel : IRewardModel
{
    private readonly RewardSource _source;
    private readonly Channel<PendingItem> _queue = Channel.CreateUnbounded<PendingItem>();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _workers;

    public ProcessRewardModel(RewardSource source, ProcessRewardSpec spec, long seed, RewardServices services)
    {
        _source = source;
        var backoff = new Backoff(seed, services.FirstBackoff);
        _workers = [.. Enumerable.Range(0, spec.Workers).Select(_ => Task.Run(() => new ProgramWorker(source, spec, backoff, services.Log, _queue.Reader).RunAsync(_stop.Token)))];
    }

    /// <inheritdoc/>
    public async Task<RewardReply[]> ScoreAsync(IReadOnlyList<ScoredCompletion> items, RewardContext context, CancellationToken cancellationToken)
    {
        PendingItem[] pending = [.. items.Select(item => new PendingItem(_source.Name, item))];
        foreach (var item in pending) { ObjectDisposedException.ThrowIf(!_queue.Writer.TryWrite(item), this); }

        return await Task.WhenAll(pending.Select(item => item.Reply)).WaitAsync(cancellationToken);
    }

    public void Dispose()
    {
        _queue.Writer.TryComplete();
        _stop.Cancel();
        // Workers kill their programs on their way out.
        Task.WaitAll(_workers, TimeSpan.FromSeconds(20));
        while (_queue.Reader.TryRead(out var item)) { item.Cancel(); }
        _stop.Dispose();
    }
}
