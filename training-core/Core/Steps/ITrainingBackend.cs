using Ctwa.Training.Advantages;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;

namespace Ctwa.Training.Steps;

/// <summary>
/// Who computes: one process in order (<see cref="LocalBackend"/>) or grains on silos. The loop above it is the same,
/// and so are the bits. Every call is idempotent by the identity in its request (invariant I5).
/// </summary>
public interface ITrainingBackend
{
    /// <summary>Loads the initial weights, or those, the optimizer moments and the reference policy of a checkpoint.</summary>
    /// <param name="checkpoint">Folder of an intact checkpoint; null: the job's initial weights.</param>
    /// <param name="reference">Safetensors file of the reference policy; null: none is kept.</param>
    Task LoadAsync(string? checkpoint, string? reference, CancellationToken cancellationToken);

    /// <summary>Writes model, tokenizer and optimizer files into a folder.</summary>
    Task SaveAsync(string folder, CancellationToken cancellationToken);

    /// <summary>Forgets the optimizer's moments: the next stage starts with its own.</summary>
    Task ResetOptimizerAsync(CancellationToken cancellationToken);

    /// <summary>Freezes the present weights as reference policy and writes them to a safetensors file.</summary>
    Task FreezeReferenceAsync(string path, CancellationToken cancellationToken);

    /// <summary>Samples completions; they stay where they were made. Summaries are ordered by prompt, then sample.</summary>
    Task<CompletionSummary[]> GenerateAsync(RolloutRequest request, CancellationToken cancellationToken);

    /// <summary>Scores a rollout's completions with every objective; failures are reported, not judged. Shape [M][B].</summary>
    Task<IReadOnlyList<IReadOnlyList<ScoreAttempt>>> ScoreAsync(RolloutId rollout, RewardContext context, CancellationToken cancellationToken);

    /// <summary>Completions of some prompts as text, for samples/.</summary>
    Task<CompletionText[]> TextsAsync(RolloutId rollout, int prompts, CancellationToken cancellationToken);

    /// <summary>Frees a rollout.</summary>
    Task ReleaseAsync(RolloutId rollout, CancellationToken cancellationToken);

    /// <summary>Back-propagates one policy update over all shards; returns sums over tokens, see <see cref="UpdateSums"/>.</summary>
    Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken);

    /// <summary>Back-propagates one supervised batch over all shards, as a sum over tokens.</summary>
    Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken);

    /// <summary>Sums the shards' gradients in the canonical tree and returns the squared norm of the sum, slices added in order.</summary>
    Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken);

    /// <summary>Runs AdamW on every slice with the reduced gradient and publishes the weights.</summary>
    Task ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken);

    /// <summary>Clipped policy-gradient weight of each completion under the present weights, shape [B]; see <see cref="Scalarizers.StepOutcome.PostUpdate"/>.</summary>
    Task<double[]> MeasurePostUpdateAsync(RolloutId rollout, OutcomeAdvantages advantages, CancellationToken cancellationToken);
}

/// <summary>Identity of a batch of completions.</summary>
/// <param name="Purpose">Sampling (training), Validation or Test.</param>
/// <param name="Step">RL step that it belongs to.</param>
public readonly record struct RolloutId(RandomPurpose Purpose, int Step)
{
    /// <summary>Name in files.</summary>
    public string Name => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Purpose.ToString().ToLowerInvariant()}-{Step:D6}");
}

/// <summary>Identity of an optimizer update: doing it twice is doing it once.</summary>
/// <param name="Stage">Stage of the step.</param>
/// <param name="Step">Step, from 1.</param>
/// <param name="Update">Update within the step, from 0, over all epochs.</param>
public readonly record struct UpdateId(TrainingStage Stage, int Step, int Update);

/// <summary>What to sample.</summary>
/// <param name="Id">Identity.</param>
/// <param name="Plan">Division over shards.</param>
/// <param name="DatasetIndices">Row of the data set for each prompt of the step, shape [N].</param>
/// <param name="Sampling">How to draw.</param>
public sealed record RolloutRequest(RolloutId Id, StepPlan Plan, long[] DatasetIndices, SamplingSettings Sampling);

/// <summary>What the coordinator needs to know of a completion; its tokens stay on its shard.</summary>
/// <param name="Length">Tokens, the stop token included.</param>
/// <param name="Stopped">A stop token was reached.</param>
/// <param name="TokensHash">Hash of the token ids: a redo that draws other tokens is noticed.</param>
public readonly record struct CompletionSummary(int Length, bool Stopped, ulong TokensHash);

/// <summary>A completion for people.</summary>
public sealed record CompletionText(int Prompt, int Sample, string PromptText, string Response, string GroundTruth);

/// <summary>One policy update.</summary>
/// <param name="Id">Identity.</param>
/// <param name="Rollout">Completions to learn from.</param>
/// <param name="Plan">Division over shards.</param>
/// <param name="PlanUpdate">Update of the plan whose prompts are used (Id.Update modulo the plan's updates).</param>
/// <param name="Advantages">For all completions of the rollout.</param>
/// <param name="TokenCount">Response tokens of valid completions of this update, over all shards.</param>
/// <param name="SequenceCount">Valid completions of this update, over all shards.</param>
/// <param name="CompareSampler">Also compare log-probabilities with the sampler's: the weights are still those that sampled.</param>
public sealed record PolicyUpdate(UpdateId Id, RolloutId Rollout, StepPlan Plan, int PlanUpdate, OutcomeAdvantages Advantages, long TokenCount, long SequenceCount, bool CompareSampler);

/// <summary>One supervised batch: examples 0..N-1 of a step, divided by <paramref name="Plan"/>.</summary>
public sealed record SupervisedUpdate(UpdateId Id, StepPlan Plan, int MicroBatchSize);

/// <summary>One optimizer update.</summary>
/// <param name="Id">Identity.</param>
/// <param name="GradientScale">Multiplies the reduced gradient: clipping, and one over the token count where losses were summed.</param>
/// <param name="LearningRate">Of this update.</param>
/// <param name="AdamStep">Updates of this stage including this one, from 1.</param>
public sealed record OptimizerUpdate(UpdateId Id, double GradientScale, double LearningRate, long AdamStep);
