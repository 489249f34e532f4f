using System.Buffers;
using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Training.Rewards;

namespace Ctwa.Bench.Simulate;

/// <summary>One shard's messages of each phase, of the sizes that the job gives them.</summary>
internal sealed class StepMessages(ScaleJob job)
{
    // A token of English text; two bytes a character where ScoreBatches counts, one on the wire.
    private const int CharactersPerToken = 4;

    /// <summary>Phases in which every shard works, in the step's order; the update's may come several times.</summary>
    public enum Phase
    {
        Generate,
        Score,
        Update,
        Observe,
    }

    /// <summary>Bytes of an answer's text with its prompt.</summary>
    public long TextBytes { get; } = (long)CharactersPerToken * (job.PromptTokens + job.ResponseTokens);

    /// <summary>Batches in which a shard's answers go to one source of scores.</summary>
    public int ScoreBatchCount { get; } = ScoreBatches.Cut([.. Enumerable.Repeat(Described(job), job.Answers)]).Count;

    /// <summary>What the shard is asked.</summary>
    public ShardWork Work(Phase phase) => phase switch
    {
        Phase.Generate => new GenerateWork("generate/sampling-000001", new RolloutKey(2, 1), new Division(job.Shards, job.Shards, job.Shards), [.. Enumerable.Range(0, job.PromptsPerShard)], [.. Enumerable.Range(0, job.PromptsPerShard).Select(i => (long)i)], new SamplingMessage(1, job.ResponseTokens, job.Samples)),
        Phase.Score => new ScoreWork("score/sampling-000001", new RolloutKey(2, 1), 200),
        Phase.Update => new PolicyWork(
            "policy/1/1/0/0/0", new UpdateKey(1, 1, 0, 0), new RolloutKey(2, 1), 0, job.PromptsPerShard / job.Updates, [.. Enumerable.Repeat(Advantages, Math.Min(job.Rows, job.Objectives))],
            new RowsMessage(null, job.Rows > 1, false, false, false), 1, 1, false),
        _ => new MeasureWork("measure/sampling-000001/False", new RolloutKey(2, 1), [.. new double[job.Answers]], false),
    };

    /// <summary>What it answers.</summary>
    private ShardReport Answer(Phase phase) => new(WorkStatus.Done, phase switch
    {
        Phase.Generate => new GenerateResult([.. new int[job.Answers]], [.. new bool[job.Answers]], [.. new ulong[job.Answers]]),
        Phase.Score => new ScoreResult([.. Enumerable.Range(0, job.Objectives).Select(_ => new ScoreColumnMessage([.. Enumerable.Repeat<double?>(0.5, job.Answers)], [.. new string?[job.Answers]], [.. new int[job.Answers]]))]),
        Phase.Update => new UpdateResult(1, 0, 0, 0, 0, 0, 0, 0, [.. new double[job.Objectives]], 0, 0, 0),
        _ => new MeasureResult([.. new double[job.Answers]], [.. new double[job.Answers]], [.. new double[job.Answers]], [.. new int[job.Answers]]),
    }, null);

    /// <summary>What that takes of a batch's answer.</summary>
    public int AnswerBytes(Phase phase) => MessageSizes.Of(ShardFanGrain.Compose(new ArrayBufferWriter<byte>(), [0], [Answer(phase)]));

    /// <summary>Estimated bytes of a running shard's answer to a poll.</summary>
    public static int Waiting { get; } = MessageSizes.Of(new ShardReport(WorkStatus.Running, null, null));

    private AdvantageMessage Advantages
    {
        get
        {
            int count = job.Answers / job.Updates;
            return new AdvantageMessage([.. new double[count]], [.. new int[count]], [.. new bool[count]], 1, 0, 1, false, 0, [], []);
        }
    }

    private static ScoredCompletion Described(ScaleJob job) => new(new string('x', CharactersPerToken * job.PromptTokens), new string('x', CharactersPerToken * job.ResponseTokens), job.ResponseTokens, "");
}
