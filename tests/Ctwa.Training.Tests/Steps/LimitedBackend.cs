using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Has no memory for some updates.</summary>
internal sealed class LimitedBackend(ITrainingBackend inner, Func<UpdateId, bool> refuses) : ITrainingBackend
{
    /// <summary>The update at which the process dies.</summary>
    public UpdateId? KilledAt { get; init; }

    public int Lanes => inner.Lanes;

    public NumericFingerprint Fingerprint => inner.Fingerprint;

    public Task LoadAsync(string? checkpoint, string? reference, long policyVersion, CancellationToken cancellationToken) => inner.LoadAsync(checkpoint, reference, policyVersion, cancellationToken);

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

    public async Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken)
    {
        // As a shard that is one of several to be done: the others' gradients are there already.
        var sums = await inner.AccumulatePolicyAsync(update, cancellationToken);
        Meet(update.Id);
        return sums;
    }

    public async Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken)
    {
        var sums = await inner.AccumulateSupervisedAsync(update, cancellationToken);
        Meet(update.Id);
        return sums;
    }

    public Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken) => inner.ReduceAsync(update, cancellationToken);

    public Task<double[][,]> GramAsync(UpdateId update, GramScope scope, CancellationToken cancellationToken) => inner.GramAsync(update, scope, cancellationToken);

    public Task CombineAsync(UpdateId update, double[][] coefficients, CancellationToken cancellationToken) => inner.CombineAsync(update, coefficients, cancellationToken);

    public Task<double[]> ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken) => inner.ApplyAsync(update, cancellationToken);

    public Task<double[]> DisplacementAsync(UpdateId probe, CancellationToken cancellationToken) => inner.DisplacementAsync(probe, cancellationToken);

    public Task<PostUpdateMeasurement[]> MeasureAsync(RolloutId rollout, double[] signal, bool fromReference, CancellationToken cancellationToken) => inner.MeasureAsync(rollout, signal, fromReference, cancellationToken);

    private void Meet(UpdateId id)
    {
        if (id == KilledAt) { throw new InvalidOperationException("killed."); }
        if (refuses(id)) { throw new OutOfDeviceMemoryException("no memory."); }
    }
}
