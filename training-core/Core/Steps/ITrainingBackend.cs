using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>
/// Who computes: one process in order (<see cref="LocalBackend"/>) or grains on silos. The loop above it is the same,
/// and so are the bits. Every call is idempotent by the identity in its request (invariant I5).
/// </summary>
public interface ITrainingBackend
{
    /// <summary>Compute lanes that work side by side in one process. Never shows in results, only in time and memory.</summary>
    int Lanes { get; }

    /// <summary>What besides the job decides the bits of those who compute.</summary>
    NumericFingerprint Fingerprint { get; }

    /// <summary>Finds who will compute; before it nobody knows their <see cref="Fingerprint"/>.</summary>
    Task GatherAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Loads the initial weights, or those, the optimizer moments and the reference policy of a checkpoint.</summary>
    /// <param name="checkpoint">Folder of an intact checkpoint; null: the job's initial weights.</param>
    /// <param name="reference">Safetensors file of the reference policy; null: none is kept.</param>
    /// <param name="policyVersion">Version of what is loaded.</param>
    Task LoadAsync(string? checkpoint, string? reference, long policyVersion, CancellationToken cancellationToken);

    /// <summary>Takes over weights, moments and reference policy from those who computed for an earlier coordinator of this run.</summary>
    /// <returns>False: a complete copy of that version does not exist any more; then <see cref="LoadAsync"/> is called.</returns>
    Task<bool> TryContinueAsync(long policyVersion, bool hasReference, CancellationToken cancellationToken) => Task.FromResult(false);

    /// <summary>A step is about to begin, with the weights of a committed version: the place where computers may join or leave.</summary>
    Task BeginStepAsync(long policyVersion, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>After <see cref="ComputeLostException"/>: brings weights and moments back to a committed version, on those who are left.</summary>
    /// <exception cref="StateLostException">No complete copy of that version survives; the run goes back to its last checkpoint.</exception>
    Task RecoverAsync(long policyVersion, CancellationToken cancellationToken) => throw new StateLostException("nothing computes but this process.");

    /// <summary>Whoever runs the loop is asked to leave, and others may go on with the run.</summary>
    bool IsLeaving => false;

    /// <summary>Between two steps, when <see cref="IsLeaving"/>: brings what the leaving process holds of the run to those who stay.</summary>
    /// <param name="policyVersion">Version of the last commit.</param>
    /// <returns>True: a loop elsewhere can go on after the last commit; false: not yet, or nobody would be left.</returns>
    Task<bool> HandOverAsync(long policyVersion, CancellationToken cancellationToken) => Task.FromResult(false);

    /// <summary>
    /// Takes hold of weights and moments as they are, for a checkpoint. What it returns writes model, tokenizer and optimizer files into a
    /// folder, on any thread and beside whatever the backend is asked for meanwhile.
    /// </summary>
    /// <param name="copy">Take a copy: steps may follow before it is written. False: the caller waits until it is, and memory for a copy is spared.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Usable once, and only until the next call.</returns>
    Task<SnapshotWriter> SnapshotAsync(bool copy, CancellationToken cancellationToken);

    /// <summary>Waits for something that is done beside the steps, in the way that suits the thread or the grain that computes.</summary>
    /// <returns>The same task, or one that ends like it.</returns>
    Task WaitForAsync(Task beside) => beside;

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

    /// <summary>Measures a rollout's tokens with the present weights; what it finds stays with them (<see cref="TokenSignals"/>).</summary>
    /// <returns>Σ divergence from the reference policy over each completion's tokens, shape [B]; 0 without a penalty in the reward.</returns>
    Task<double[]> MeasureTokensAsync(RolloutId rollout, CancellationToken cancellationToken);

    /// <summary>Estimates advantages per token where the tokens are; what it finds stays with them.</summary>
    /// <param name="pass">Tells estimates of one rollout apart.</param>
    /// <param name="rewards">Of all completions of the rollout.</param>
    /// <returns>One per stream; shards merged in their order.</returns>
    Task<StreamEstimate[]> EstimateTokensAsync(RolloutId rollout, int pass, TokenRewards rewards, CancellationToken cancellationToken);

    /// <summary>Back-propagates one policy update over all shards; returns sums over tokens, see <see cref="UpdateSums"/>.</summary>
    Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken);

    /// <summary>Back-propagates one supervised batch over all shards, as a sum over tokens.</summary>
    Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken);

    /// <summary>Sums the shards' gradients in the canonical tree and returns the squared norm of the sum, slices added in order.</summary>
    Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken);

    /// <summary>
    /// Gram matrices of the rows that an update keeps (<see cref="PolicyRows.Keep"/>), per slice, in slice order; each
    /// [rows, rows], float64, summed over the slice's blocks in order.
    /// </summary>
    Task<double[][,]> GramAsync(UpdateId update, GramScope scope, CancellationToken cancellationToken);

    /// <summary>Makes the update's gradient from its rows: d = Σ_m α_m g_m, the regularizer's row added as it is.</summary>
    /// <param name="coefficients">α per slice, [slices][M].</param>
    Task CombineAsync(UpdateId update, double[][] coefficients, CancellationToken cancellationToken);

    /// <summary>Runs AdamW on every slice with the reduced gradient and publishes the weights.</summary>
    /// <returns>⟨Δθ, g_m⟩ of the step taken with each row that the update keeps, slices added in order; empty if it keeps none.</returns>
    Task<double[]> ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken);

    /// <summary>⟨θ − θ_0, g_m⟩ of a probe's rows (<see cref="UpdateId.IsProbe"/>), θ_0 being the weights when it was accumulated; frees the probe.</summary>
    Task<double[]> DisplacementAsync(UpdateId probe, CancellationToken cancellationToken);

    /// <summary>Measures how far a rollout's completions lie from the policy that sampled them under the present weights, or how far the policy that sampled them lies from the reference policy.</summary>
    /// <param name="signal">Mean token advantage of each completion, shape [B].</param>
    /// <param name="fromReference">Ratios are π_sampled / π_reference instead of π_present / π_sampled.</param>
    Task<PostUpdateMeasurement[]> MeasureAsync(RolloutId rollout, double[] signal, bool fromReference, CancellationToken cancellationToken);
}

/// <summary>Writes the files of a snapshot into an existing folder.</summary>
/// <exception cref="NumericFailureException">A weight is not finite.</exception>
/// <exception cref="ComputeLostException">Whoever held the snapshot is gone.</exception>
public delegate Task SnapshotWriter(string folder, CancellationToken cancellationToken);

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
/// <param name="Update">Update within the step, from 0, over all epochs; −1: a probe.</param>
/// <param name="Pass">0; 1: the second pass over the same completions, with coefficients known.</param>
public readonly record struct UpdateId(TrainingStage Stage, int Step, int Update, int Pass = 0)
{
    /// <summary>Gradients that are only looked at: they change no weight and live beside those of the step's updates.</summary>
    public bool IsProbe => Update < 0;

    /// <summary>How often micro-batches were halved for want of device memory; see <see cref="MicroBatchLadder"/>. Part of the identity: gradients of other micro-batches have other bits.</summary>
    public int Halvings { get; init; }

    /// <summary>The probe of a step.</summary>
    public static UpdateId Probe(int step) => new(TrainingStage.Rl, step, -1);
}

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
/// <param name="PlanUpdate">Update of the plan whose prompts are used (Id.Update modulo the plan's updates); −1: all prompts of the step.</param>
/// <param name="Advantages">For all completions of the rollout: one, or one per objective.</param>
/// <param name="TokenCount">Response tokens of valid completions of this update, over all shards.</param>
/// <param name="SequenceCount">Valid completions of this update, over all shards.</param>
/// <param name="CompareSampler">Also compare log-probabilities with the sampler's: the weights are still those that sampled.</param>
public sealed record PolicyUpdate(UpdateId Id, RolloutId Rollout, StepPlan Plan, int PlanUpdate, IReadOnlyList<OutcomeAdvantages> Advantages, long TokenCount, long SequenceCount, bool CompareSampler)
{
    /// <summary>How the objectives' advantages become gradients.</summary>
    public PolicyRows Rows { get; init; } = PolicyRows.Single;

    /// <summary>Gradients that the update makes.</summary>
    public int RowCount => Rows.CountFor(Advantages.Count);

    /// <summary>Indices of a shard's completions of this update, in the shard's order.</summary>
    public int[] CompletionsOf(int shard, int samplesPerPrompt)
    {
        if (PlanUpdate < 0) { return [.. Plan.PromptsOf(shard).SelectMany(prompt => Enumerable.Range(prompt * samplesPerPrompt, samplesPerPrompt))]; }
        var part = Plan.Part(PlanUpdate, shard);
        return [.. Enumerable.Range(part.Start * samplesPerPrompt, part.Count * samplesPerPrompt)];
    }

    /// <summary>What a shard needs of the update.</summary>
    /// <param name="completions">From <see cref="CompletionsOf"/>.</param>
    public PolicyPart Part(int[] completions) =>
        new([.. Advantages.Select(one => one.Select(completions))], Rows, new UpdateCounts(TokenCount, SequenceCount), CompareSampler) { Step = Id.Step, Update = Id.Update, Halvings = Id.Halvings };
}

/// <summary>How several objectives' advantages become gradients, on one shared forward pass.</summary>
/// <param name="Coefficients">α: back-propagate Σ_m α_m L_m as one gradient, which is Σ α_m g_m up to rounding, under clipping too; null: there is one objective, or each is kept.</param>
/// <param name="Keep">Keep one gradient per objective.</param>
/// <param name="Regularizer">With <paramref name="Keep"/>: the gradient of the KL and entropy terms is a further row; it is never inside an objective's.</param>
/// <param name="RatioToReference">The policy loss compares with the reference policy instead of the policy that sampled.</param>
public sealed record PolicyRows(double[]? Coefficients, bool Keep, bool Regularizer, bool RatioToReference)
{
    /// <summary>With <see cref="Keep"/>: only the gradients of the last decoder block's parameters are made and kept, to look at; the backward passes end there.</summary>
    public bool LastBlockOnly { get; init; }

    /// <summary>One signal, one gradient.</summary>
    public static PolicyRows Single { get; } = new(null, Keep: false, Regularizer: false, RatioToReference: false);

    /// <summary>The terms that belong to no objective are back-propagated with these rows.</summary>
    public bool IncludesRegularizer => !Keep || Regularizer;

    /// <summary>Gradients that come of the given number of objectives.</summary>
    public int CountFor(int objectives) => Keep ? objectives + (Regularizer ? 1 : 0) : 1;
}

/// <summary>A shard's part of a policy update.</summary>
/// <param name="Advantages">Of the shard's completions, one per row or objective.</param>
/// <param name="Rows">How they become gradients.</param>
/// <param name="Counts">Of the whole update, over all shards.</param>
/// <param name="CompareSampler">Also compare log-probabilities with the sampler's.</param>
public sealed record PolicyPart(IReadOnlyList<OutcomeAdvantages> Advantages, PolicyRows Rows, UpdateCounts Counts, bool CompareSampler)
{
    /// <summary>Step, for random choices of tokens.</summary>
    public int Step { get; init; }

    /// <summary>Update within the step, for random choices of tokens.</summary>
    public int Update { get; init; }

    /// <summary>See <see cref="UpdateId.Halvings"/>.</summary>
    public int Halvings { get; init; }

    /// <summary>Gradients to make.</summary>
    public int RowCount => Rows.CountFor(Advantages.Count);
}

/// <summary>One supervised batch: examples 0..N-1 of a step, divided by <paramref name="Plan"/>.</summary>
public sealed record SupervisedUpdate(UpdateId Id, StepPlan Plan, int MicroBatchSize);

/// <summary>One optimizer update.</summary>
/// <param name="Id">Identity.</param>
/// <param name="GradientScale">Multiplies the reduced gradient: clipping, and one over the token count where losses were summed.</param>
/// <param name="LearningRate">Of this update.</param>
/// <param name="AdamStep">Updates of this stage including this one, from 1.</param>
public sealed record OptimizerUpdate(UpdateId Id, double GradientScale, double LearningRate, long AdamStep);
