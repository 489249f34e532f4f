using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards.Services;

/// <summary>
/// Scores from a service, in batched requests. A request that fails for a reason of its content is divided into requests of
/// one item each, which is no retry: one bad item does not fail its neighbours. A service that is away is asked again later.
/// </summary>
internal sealed class HttpRewardModel : IRewardModel
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);
    private readonly RewardSource _source;
    private readonly HttpRewardSpec _spec;
    private readonly GraderClient _client;
    private readonly Backoff _backoff;
    private readonly Action<string> _log;
    private readonly SemaphoreSlim _slots;

    private HttpRewardModel(RewardSource source, HttpRewardSpec spec, GraderClient client, Backoff backoff, Action<string> log)
    {
        (_source, _spec, _client, _backoff, _log) = (source, spec, client, backoff, log);
        _slots = new SemaphoreSlim(spec.Concurrency);
    }

    /// <inheritdoc cref="GraderClient.Open"/>
    public static HttpRewardModel Open(RewardSource source, HttpRewardSpec spec, long seed, RewardServices services) =>
        new(source, spec, GraderClient.Open(source, spec), new Backoff(seed, services.FirstBackoff), services.Log);

    /// <inheritdoc/>
    public async Task<RewardReply[]> ScoreAsync(IReadOnlyList<ScoredCompletion> items, RewardContext context, CancellationToken cancellationToken)
    {
        var replies = new RewardReply[items.Count];
        var requests = Enumerable.Range(0, items.Count).Chunk(_spec.BatchSize);
        await Task.WhenAll(requests.Select(rows => RequestAsync(rows, 0, items, replies, cancellationToken)));
        return replies;
    }

    public void Dispose()
    {
        _client.Dispose();
        _slots.Dispose();
    }

    private async Task RequestAsync(int[] rows, int attempt, IReadOnlyList<ScoredCompletion> items, RewardReply[] replies, CancellationToken cancellationToken)
    {
        for (; ; attempt++)
        {
            var exchange = await PostAsync([.. rows.Select(row => items[row])], cancellationToken);
            if (exchange.Replies is { } received)
            {
                for (int i = 0; i < rows.Length; i++) { replies[rows[i]] = received[i] with { Retries = attempt }; }
                rows = [.. rows.Where(row => IsFailure(replies[row]))];
            }
            else if (rows.Length > 1 && !exchange.Whole)
            {
                _log($"{_source.Name}: {exchange.Failure}; its {rows.Length} completions are sent one by one.");
                await Task.WhenAll(rows.Select(row => RequestAsync([row], attempt, items, replies, cancellationToken)));
                return;
            }
            else
            {
                foreach (int row in rows) { replies[row] = RewardReply.Failed(exchange.Failure!, attempt); }
            }

            if (rows.Length == 0 || attempt >= _source.Retries) { return; }
            var pause = _backoff.After(attempt);
            if (exchange.RetryAfter is { } asked && asked > pause) { pause = asked < s_longestPause ? asked : s_longestPause; }
            await Task.Delay(pause, cancellationToken);
        }
    }

    /// <summary>An error, or a single number that is none: worth another try.</summary>
    private static bool IsFailure(RewardReply reply) => reply.Failure is not null || (reply.Outputs is [var only] && !double.IsFinite(only.Value));

    private async Task<HttpExchange> PostAsync(ScoredCompletion[] items, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        try
        {
            return await _client.PostAsync(items, cancellationToken);
        }
        finally
        {
            _slots.Release();
        }
    }
}
