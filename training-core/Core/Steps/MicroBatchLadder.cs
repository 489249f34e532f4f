using System.Text.Json;
using System.Text.Json.Serialization;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>
/// Halves micro-batches when device memory runs out, as often as the job allows (<c>update.micro_batch_halvings</c>). Which
/// update was the first with smaller ones is written to the run directory before it is tried again: a resumed or replayed run
/// does the same at the same place, so its bits are those of the run that met the limit.
/// </summary>
/// <param name="run">Run directory.</param>
/// <param name="warn">Receives one line for each halving.</param>
internal sealed class MicroBatchLadder(ITrainingBackend inner, JobSpec spec, RunDirectory run, Action<string> warn) : ITrainingBackend
{
    /// <summary>File of the run directory with one line per halving.</summary>
    public const string FileName = "micro-batches.jsonl";

    private readonly List<Halving> _halvings = Read(Path.Combine(run.Path, FileName));

    public int Lanes => inner.Lanes;

    public NumericFingerprint Fingerprint => inner.Fingerprint;

    public Task GatherAsync(CancellationToken cancellationToken) => inner.GatherAsync(cancellationToken);

    public Task LoadAsync(string? checkpoint, string? reference, long policyVersion, CancellationToken cancellationToken) => inner.LoadAsync(checkpoint, reference, policyVersion, cancellationToken);

    public Task<bool> TryContinueAsync(long policyVersion, bool hasReference, CancellationToken cancellationToken) => inner.TryContinueAsync(policyVersion, hasReference, cancellationToken);

    public Task BeginStepAsync(long policyVersion, CancellationToken cancellationToken) => inner.BeginStepAsync(policyVersion, cancellationToken);

    public Task RecoverAsync(long policyVersion, CancellationToken cancellationToken) => inner.RecoverAsync(policyVersion, cancellationToken);

    public bool IsLeaving => inner.IsLeaving;

    public Task<bool> HandOverAsync(long policyVersion, CancellationToken cancellationToken) => inner.HandOverAsync(policyVersion, cancellationToken);

    public Task<SnapshotWriter> SnapshotAsync(bool copy, CancellationToken cancellationToken) => inner.SnapshotAsync(copy, cancellationToken);

    public Task WaitForAsync(Task beside) => inner.WaitForAsync(beside);

    public Task ResetOptimizerAsync(CancellationToken cancellationToken) => inner.ResetOptimizerAsync(cancellationToken);

    public Task FreezeReferenceAsync(string path, CancellationToken cancellationToken) => inner.FreezeReferenceAsync(path, cancellationToken);

    public Task<CompletionSummary[]> GenerateAsync(RolloutRequest request, CancellationToken cancellationToken) => inner.GenerateAsync(request, cancellationToken);

    public Task<IReadOnlyList<IReadOnlyList<ScoreAttempt>>> ScoreAsync(RolloutId rollout, RewardContext context, CancellationToken cancellationToken) => inner.ScoreAsync(rollout, context, cancellationToken);

    public Task<CompletionText[]> TextsAsync(RolloutId rollout, int prompts, CancellationToken cancellationToken) => inner.TextsAsync(rollout, prompts, cancellationToken);

    public Task ReleaseAsync(RolloutId rollout, CancellationToken cancellationToken) => inner.ReleaseAsync(rollout, cancellationToken);

    public Task<double[]> MeasureTokensAsync(RolloutId rollout, CancellationToken cancellationToken) => inner.MeasureTokensAsync(rollout, cancellationToken);

    public Task<StreamEstimate[]> EstimateTokensAsync(RolloutId rollout, int pass, TokenRewards rewards, CancellationToken cancellationToken) => inner.EstimateTokensAsync(rollout, pass, rewards, cancellationToken);

    public Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken) => ClimbAsync(update.Id, id => inner.AccumulatePolicyAsync(update with { Id = id }, cancellationToken));

    public Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken) => ClimbAsync(update.Id, id => inner.AccumulateSupervisedAsync(update with { Id = id }, cancellationToken));

    public Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken) => inner.ReduceAsync(Of(update), cancellationToken);

    public Task<double[][,]> GramAsync(UpdateId update, GramScope scope, CancellationToken cancellationToken) => inner.GramAsync(Of(update), scope, cancellationToken);

    public Task CombineAsync(UpdateId update, double[][] coefficients, CancellationToken cancellationToken) => inner.CombineAsync(Of(update), coefficients, cancellationToken);

    public Task<double[]> ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken) => inner.ApplyAsync(update with { Id = Of(update.Id) }, cancellationToken);

    public Task<double[]> DisplacementAsync(UpdateId probe, CancellationToken cancellationToken) => inner.DisplacementAsync(Of(probe), cancellationToken);

    public Task<PostUpdateMeasurement[]> MeasureAsync(RolloutId rollout, double[] signal, bool fromReference, CancellationToken cancellationToken) => inner.MeasureAsync(rollout, signal, fromReference, cancellationToken);

    private UpdateId Of(UpdateId id) => id with { Halvings = _halvings.Count(halving => halving.IsAtOrBefore(id)) };

    private async Task<UpdateSums> ClimbAsync(UpdateId id, Func<UpdateId, Task<UpdateSums>> accumulate)
    {
        while (true)
        {
            var now = Of(id);
            try
            {
                return await accumulate(now);
            }
            catch (OutOfDeviceMemoryException) when (now.Halvings < spec.Update.MicroBatchHalvings)
            {
                _halvings.Add(new Halving(id.Stage, id.Step, id.Update, id.Pass));
                string file = Path.Combine(run.Path, FileName);
                run.Write(file, () => AtomicFile.Write(file, [.. _halvings.SelectMany(halving => (byte[])[.. JsonSerializer.SerializeToUtf8Bytes(halving, StateJson.Lines), (byte)'\n'])], durable: true));
                warn($"device memory ran out in update {id.Update} of {id.Stage.ToString().ToLowerInvariant()} step {id.Step}; micro-batches are halved from here on ({now.Halvings + 1} of at most {spec.Update.MicroBatchHalvings} times).");
            }
            catch (OutOfDeviceMemoryException failure)
            {
                throw new OutOfDeviceMemoryException($"{failure.Message} Micro-batches were halved {now.Halvings} times (update.micro_batch_halvings: {spec.Update.MicroBatchHalvings}). In a new run, lower update.micro_batch_size or update.max_tokens_per_micro_batch, set update.recompute_activations: true, or train adapters (model.lora).", failure);
            }
        }
    }

    private static List<Halving> Read(string path) => File.Exists(path)
        ? [.. File.ReadLines(path).Where(line => line.Length > 0).Select(line => JsonSerializer.Deserialize<Halving>(line, StateJson.Lines)!)]
        : [];

    /// <summary>The first update with smaller micro-batches.</summary>
    private sealed record Halving(TrainingStage Stage, int Step, int Update, int Pass)
    {
        public bool IsAtOrBefore(UpdateId id) => (Stage, Step, Update, Pass).CompareTo((id.Stage, id.Step, id.Update, id.Pass)) <= 0;
    }
}
