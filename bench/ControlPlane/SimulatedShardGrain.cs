using System.Collections.Immutable;
using Ctwa.Grains;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Placement;

namespace Ctwa.Bench.ControlPlane;

/// <summary>A shard that computes nothing and answers as one with one prompt and 16 samples does.</summary>
[Orleans.Concurrency.Reentrant, Pinned]
public sealed class SimulatedShardGrain : Grain, IRolloutShardGrain
{
    /// <summary>Completions of a shard.</summary>
    public const int Samples = 16;

    private const int Objectives = 3;
    private readonly WorkLedger<ShardResult> _work = new();
    private static readonly ImmutableArray<double?> s_scores = [.. Enumerable.Range(0, Samples).Select(i => (double?)(i * 0.37))];
    private static readonly ImmutableArray<string?> s_failures = [.. Enumerable.Repeat<string?>(null, Samples)];
    private static readonly ImmutableArray<int> s_lengths = [.. Enumerable.Range(100, Samples)];
    private static readonly ImmutableArray<bool> s_flags = [.. Enumerable.Repeat(true, Samples)];

    /// <summary>Work for the shard in one of a step's phases, of realistic size.</summary>
    public static ShardWork Work(int phase, int step, int shard, string key) => phase switch
    {
        0 => new GenerateWork(key, new RolloutKey(1, step), new Division(10_000, 10_000, 10_000), [shard], [shard * 7L], new SamplingMessage(1, 512, Samples)),
        1 => new ScoreWork(key, new RolloutKey(1, step), 212.5),
        _ => new PolicyWork(
            key, new UpdateKey(1, step, 0, 0), new RolloutKey(1, step), shard, 1,
            [new AdvantageMessage([.. Enumerable.Range(0, Samples).Select(i => i - 7.5)], s_lengths, s_flags, 1, 0.1, 1.2, false, 0, [], [])],
            new RowsMessage(null, true, false, false, false), 18_000_000, 160_000, false),
    };

    public Task<ShardReport> Start(ShardWork work, CancellationToken cancellationToken)
    {
        _work.Start(work.Key, () => Task.FromResult(Answer(work, GrainKeys.Parse(this.GetPrimaryKeyString()).Part)));
        return Poll(work.Key, cancellationToken);
    }

    public async Task<ShardReport> Poll(string key, CancellationToken cancellationToken)
    {
        var (status, result, error) = await _work.PollAsync(key, cancellationToken);
        return new ShardReport(status, result, error);
    }

    public Task<ImmutableArray<CompletionTextMessage>> Texts(RolloutKey rollout, int prompts, CancellationToken cancellationToken) => Task.FromResult(ImmutableArray<CompletionTextMessage>.Empty);

    /// <summary>What a shard answers to work.</summary>
    public static ShardResult Answer(ShardWork work, int shard) => work switch
    {
        GenerateWork => new GenerateResult(s_lengths, s_flags, [.. Enumerable.Range(0, Samples).Select(i => (ulong)i * 0x9E3779B97F4A7C15 + (ulong)shard)]),
        ScoreWork => new ScoreResult([.. Enumerable.Range(0, Objectives).Select(_ => new ScoreColumnMessage(s_scores, s_failures, [.. Enumerable.Repeat(0, Samples)]))]),
        _ => new UpdateResult(Samples * 108, 0.1, 2, 0, 0.01, 0.02, 1.3, 0, [0.1, 0.2, 0.3], 0, 0, 0),
    };
}
