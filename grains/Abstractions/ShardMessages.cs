using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>
/// A piece of work for one shard. <see cref="Key"/> identifies it (invariant I5): started twice, it is done once.
/// No tensors in here (invariant I8).
/// </summary>
[GenerateSerializer, Immutable, Alias("ctwa.ShardWork")]
public abstract record ShardWork([property: Id(0)] string Key)
{
    /// <summary>Of the coordinator (invariant I5).</summary>
    [Id(1)]
    public long Epoch { get; init; }
}

/// <summary>Sample the shard's prompts of a rollout.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Rollout">Rollout that the completions belong to.</param>
/// <param name="Division">The step's division over shards.</param>
/// <param name="Prompts">Step indices of the shard's prompts.</param>
/// <param name="DatasetIndices">Their rows in the data set.</param>
/// <param name="Sampling">How to draw.</param>
[GenerateSerializer, Immutable, Alias("ctwa.GenerateWork")]
public sealed record GenerateWork(
    string Key,
    [property: Id(0)] RolloutKey Rollout,
    [property: Id(1)] Division Division,
    [property: Id(2)] ImmutableArray<int> Prompts,
    [property: Id(3)] ImmutableArray<long> DatasetIndices,
    [property: Id(4)] SamplingMessage Sampling) : ShardWork(Key);

/// <summary>Have the shard's completions scored by every objective.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Rollout">Completions.</param>
/// <param name="ReferenceLength">Length that conciseness compares with.</param>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreWork")]
public sealed record ScoreWork(string Key, [property: Id(0)] RolloutKey Rollout, [property: Id(1)] double ReferenceLength) : ShardWork(Key);

/// <summary>Measure the tokens of the shard's completions with the present weights.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.MeasureTokensWork")]
public sealed record MeasureTokensWork(string Key, [property: Id(0)] RolloutKey Rollout) : ShardWork(Key);

/// <summary>Estimate advantages per token; see Ctwa.Training.Steps.TokenRewards.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Rollout">Completions.</param>
/// <param name="Streams">Numbers of the streams.</param>
/// <param name="Rewards">Of the shard's completions, one list per stream.</param>
/// <param name="Baselines">Likewise; empty where the estimator has none.</param>
/// <param name="Valid">Of the shard's completions.</param>
/// <param name="EarlierTokenReward">Of every token before a completion's last one.</param>
/// <param name="KlCoefficient">What a nat of divergence costs.</param>
[GenerateSerializer, Immutable, Alias("ctwa.EstimateTokensWork")]
public sealed record EstimateTokensWork(
    string Key,
    [property: Id(0)] RolloutKey Rollout,
    [property: Id(1)] ImmutableArray<int> Streams,
    [property: Id(2)] ImmutableArray<ImmutableArray<double>> Rewards,
    [property: Id(3)] ImmutableArray<ImmutableArray<double>> Baselines,
    [property: Id(4)] ImmutableArray<bool> Valid,
    [property: Id(5)] double EarlierTokenReward,
    [property: Id(6)] double KlCoefficient) : ShardWork(Key);

/// <summary>Back-propagate the shard's part of a policy update.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Update">Identity of the update.</param>
/// <param name="Rollout">Completions to learn from.</param>
/// <param name="FirstPrompt">First step index of the part.</param>
/// <param name="PromptCount">Prompts of the part; their completions are in the advantages' order.</param>
/// <param name="Advantages">Of the part's completions, one or one per objective.</param>
/// <param name="Rows">How they become gradients.</param>
/// <param name="TokenCount">Of the whole update.</param>
/// <param name="SequenceCount">Of the whole update.</param>
/// <param name="CompareSampler">Also compare log-probabilities with the sampler's.</param>
[GenerateSerializer, Immutable, Alias("ctwa.PolicyWork")]
public sealed record PolicyWork(
    string Key,
    [property: Id(0)] UpdateKey Update,
    [property: Id(1)] RolloutKey Rollout,
    [property: Id(2)] int FirstPrompt,
    [property: Id(3)] int PromptCount,
    [property: Id(4)] ImmutableArray<AdvantageMessage> Advantages,
    [property: Id(5)] RowsMessage Rows,
    [property: Id(6)] long TokenCount,
    [property: Id(7)] long SequenceCount,
    [property: Id(8)] bool CompareSampler) : ShardWork(Key);

/// <summary>How objectives' advantages become gradients; see Ctwa.Training.Steps.PolicyRows.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.RowsMessage")]
public sealed record RowsMessage(
    [property: Id(0)] ImmutableArray<double>? Coefficients,
    [property: Id(1)] bool Keep,
    [property: Id(2)] bool Regularizer,
    [property: Id(3)] bool RatioToReference,
    [property: Id(4)] bool LastBlockOnly);

/// <summary>Back-propagate the shard's part of a supervised batch.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.SupervisedWork")]
public sealed record SupervisedWork(
    string Key,
    [property: Id(0)] UpdateKey Update,
    [property: Id(1)] int FirstExample,
    [property: Id(2)] int ExampleCount,
    [property: Id(3)] int MicroBatchSize) : ShardWork(Key);

/// <summary>Measure how the shard's completions changed under the present weights.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Rollout">Completions.</param>
/// <param name="Signal">Mean token advantage of each.</param>
/// <param name="FromReference">Compare the policy that sampled with the reference policy.</param>
[GenerateSerializer, Immutable, Alias("ctwa.MeasureWork")]
public sealed record MeasureWork(string Key, [property: Id(0)] RolloutKey Rollout, [property: Id(1)] ImmutableArray<double> Signal, [property: Id(2)] bool FromReference) : ShardWork(Key);

/// <summary>Answer of a shard to a finished piece of work.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ShardResult")]
public abstract record ShardResult;

/// <summary>Completions' summaries, by prompt, then sample.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.GenerateResult")]
public sealed record GenerateResult(
    [property: Id(0)] ImmutableArray<int> Lengths,
    [property: Id(1)] ImmutableArray<bool> Stopped,
    [property: Id(2)] ImmutableArray<ulong> TokensHashes) : ShardResult;

/// <summary>Scores as received, one column per objective in the completions' order.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreResult")]
public sealed record ScoreResult([property: Id(0)] ImmutableArray<ScoreColumnMessage> Columns) : ShardResult;

/// <summary>Sums of an update over the shard's tokens.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.UpdateResult")]
public sealed record UpdateResult(
    [property: Id(0)] long Tokens,
    [property: Id(1)] double Loss,
    [property: Id(2)] double Clipped,
    [property: Id(3)] double DualClipped,
    [property: Id(4)] double PolicyKl,
    [property: Id(5)] double ReferenceKl,
    [property: Id(6)] double Entropy,
    [property: Id(7)] double SamplerDifference,
    [property: Id(8)] ImmutableArray<double> ObjectiveLosses,
    [property: Id(9)] double Selected,
    [property: Id(10)] double ValueLoss,
    [property: Id(11)] double ValueClipped) : ShardResult;

/// <summary>Divergence from the reference policy, summed over each completion's tokens.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.MeasureTokensResult")]
public sealed record MeasureTokensResult([property: Id(0)] ImmutableArray<double> Divergence) : ShardResult;

/// <summary>Moments of token advantages, and their mean over each completion, one per stream.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.EstimateTokensResult")]
public sealed record EstimateTokensResult([property: Id(0)] ImmutableArray<StreamMessage> Streams) : ShardResult;

/// <summary>One stream of an estimate; see Ctwa.Training.Advantages.TokenMoments.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.StreamMessage")]
public sealed record StreamMessage(
    [property: Id(0)] long Count,
    [property: Id(1)] double Mean,
    [property: Id(2)] double Squares,
    [property: Id(3)] double Smallest,
    [property: Id(4)] double Largest,
    [property: Id(5)] ImmutableArray<double> Means);

/// <summary>Measurements per completion; see Ctwa.Training.Steps.PostUpdateMeasurement.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.MeasureResult")]
public sealed record MeasureResult(
    [property: Id(0)] ImmutableArray<double> Clipped,
    [property: Id(1)] ImmutableArray<double> Unclipped,
    [property: Id(2)] ImmutableArray<double> LogRatios,
    [property: Id(3)] ImmutableArray<int> ActiveTokens) : ShardResult;

/// <summary>Where a piece of work stands.</summary>
/// <param name="Status">Of the work.</param>
/// <param name="Result">Present when done.</param>
/// <param name="Error">Present when it failed: one clear message.</param>
[GenerateSerializer, Immutable, Alias("ctwa.ShardReport")]
public sealed record ShardReport([property: Id(0)] WorkStatus Status, [property: Id(1)] ShardResult? Result, [property: Id(2)] string? Error);

/// <summary>States of a piece of work.</summary>
public enum WorkStatus
{
    /// <summary>Not known here: the activation is new. Start it again.</summary>
    Unknown = 0,
    Running = 1,
    Done = 2,
    Failed = 3,
}

/// <summary>Identity of a rollout.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.RolloutKey")]
public readonly record struct RolloutKey([property: Id(0)] uint Purpose, [property: Id(1)] int Step);

/// <summary>Identity of an optimizer update.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.UpdateKey")]
public readonly record struct UpdateKey([property: Id(0)] int Stage, [property: Id(1)] int Step, [property: Id(2)] int Update, [property: Id(3)] int Pass, [property: Id(4)] int Halvings = 0);

/// <summary>A step's division over updates and shards.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.Division")]
public readonly record struct Division([property: Id(0)] int Prompts, [property: Id(1)] int PromptsPerUpdate, [property: Id(2)] int Shards);

/// <summary>How completions are drawn.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.SamplingMessage")]
public sealed record SamplingMessage(
    [property: Id(0)] double Temperature,
    [property: Id(1)] int MaxNewTokens,
    [property: Id(2)] int SamplesPerPrompt);

/// <summary>Advantages as numbers per completion; see Ctwa.Training.Advantages.OutcomeAdvantages.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.AdvantageMessage")]
public sealed record AdvantageMessage(
    [property: Id(0)] ImmutableArray<double> Value,
    [property: Id(1)] ImmutableArray<int> Lengths,
    [property: Id(2)] ImmutableArray<bool> Valid,
    [property: Id(3)] double Gamma,
    [property: Id(4)] double Shift,
    [property: Id(5)] double Scale,
    [property: Id(6)] bool NonNegative,
    [property: Id(7)] double EarlierTokenReward,
    [property: Id(8)] ImmutableArray<int> Streams,
    [property: Id(9)] ImmutableArray<double> Factors);

/// <summary>Scores of one objective; a null score failed, with its reason.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ScoreColumnMessage")]
public sealed record ScoreColumnMessage(
    [property: Id(0)] ImmutableArray<double?> Scores,
    [property: Id(1)] ImmutableArray<string?> Failures,
    [property: Id(2)] ImmutableArray<int> Retries);
