using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Tests.Steps;

/// <summary>The end of a process without warning, as seen by the loop.</summary>
internal sealed class AbortException(string where) : Exception($"aborted at {where}");

/// <summary>
/// A backend that may fail around any call: before it (nothing was done), after it (done, but the answer is lost), or
/// amid the writing of files (some are there, one is half there).
/// </summary>
/// <param name="inner">Does the work.</param>
/// <param name="before">Called with number (from 1) and name of each call; throws to abort before it.</param>
/// <param name="after">The same, after the call.</param>
/// <param name="saving">Called with the folder of a checkpoint before the inner backend writes into it.</param>
/// <param name="saved">The same, after it has written.</param>
internal sealed class FaultyBackend(ITrainingBackend inner, Action<int, string>? before = null, Action<int, string>? after = null, Action<string>? saving = null, Action<string>? saved = null) : ITrainingBackend
{
    public int Lanes => inner.Lanes;

    public NumericFingerprint Fingerprint => inner.Fingerprint;

    /// <summary>Calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>Replaces the squared norm that ReduceAsync reports.</summary>
    public Func<UpdateId, double, double>? Norm { get; init; }

    public Task LoadAsync(string? checkpoint, string? reference, long policyVersion, CancellationToken cancellationToken) => Do("load", () => inner.LoadAsync(checkpoint, reference, policyVersion, cancellationToken));

    public Task<SnapshotWriter> SnapshotAsync(bool copy, CancellationToken cancellationToken) => Do<SnapshotWriter>("save", async () =>
    {
        var write = await inner.SnapshotAsync(copy, cancellationToken);
        return async (folder, token) =>
        {
            saving?.Invoke(folder);
            await write(folder, token);
            saved?.Invoke(folder);
        };
    });

    public Task WaitForAsync(Task beside) => inner.WaitForAsync(beside);

    public Task ResetOptimizerAsync(CancellationToken cancellationToken) => Do("reset", () => inner.ResetOptimizerAsync(cancellationToken));

    public Task FreezeReferenceAsync(string path, CancellationToken cancellationToken) => Do("freeze", () => inner.FreezeReferenceAsync(path, cancellationToken));

    public Task<CompletionSummary[]> GenerateAsync(RolloutRequest request, CancellationToken cancellationToken) => Do("generate", () => inner.GenerateAsync(request, cancellationToken));

    public Task<IReadOnlyList<IReadOnlyList<ScoreAttempt>>> ScoreAsync(RolloutId rollout, RewardContext context, CancellationToken cancellationToken) => Do("score", () => inner.ScoreAsync(rollout, context, cancellationToken));

    public Task<CompletionText[]> TextsAsync(RolloutId rollout, int prompts, CancellationToken cancellationToken) => Do("texts", () => inner.TextsAsync(rollout, prompts, cancellationToken));

    public Task ReleaseAsync(RolloutId rollout, CancellationToken cancellationToken) => Do("release", () => inner.ReleaseAsync(rollout, cancellationToken));

    public Task<double[]> MeasureTokensAsync(RolloutId rollout, CancellationToken cancellationToken) => Do("measure tokens", () => inner.MeasureTokensAsync(rollout, cancellationToken));

    public Task<StreamEstimate[]> EstimateTokensAsync(RolloutId rollout, int pass, TokenRewards rewards, CancellationToken cancellationToken) => Do("estimate tokens", () => inner.EstimateTokensAsync(rollout, pass, rewards, cancellationToken));

    public Task<UpdateSums> AccumulatePolicyAsync(PolicyUpdate update, CancellationToken cancellationToken) => Do("accumulate", () => inner.AccumulatePolicyAsync(update, cancellationToken));

    public Task<UpdateSums> AccumulateSupervisedAsync(SupervisedUpdate update, CancellationToken cancellationToken) => Do("accumulate supervised", () => inner.AccumulateSupervisedAsync(update, cancellationToken));

    public Task<double> ReduceAsync(UpdateId update, CancellationToken cancellationToken) => Do("reduce", async () =>
    {
        double squares = await inner.ReduceAsync(update, cancellationToken);
        return Norm is null ? squares : Norm(update, squares);
    });

    public Task<double[][,]> GramAsync(UpdateId update, GramScope scope, CancellationToken cancellationToken) => Do("gram", () => inner.GramAsync(update, scope, cancellationToken));

    public Task CombineAsync(UpdateId update, double[][] coefficients, CancellationToken cancellationToken) => Do("combine", () => inner.CombineAsync(update, coefficients, cancellationToken));

    public Task<double[]> ApplyAsync(OptimizerUpdate update, CancellationToken cancellationToken) => Do("apply", () => inner.ApplyAsync(update, cancellationToken));

    public Task<double[]> DisplacementAsync(UpdateId probe, CancellationToken cancellationToken) => Do("displacement", () => inner.DisplacementAsync(probe, cancellationToken));

    public Task<PostUpdateMeasurement[]> MeasureAsync(RolloutId rollout, double[] signal, bool fromReference, CancellationToken cancellationToken) => Do("measure", () => inner.MeasureAsync(rollout, signal, fromReference, cancellationToken));

    private Task Do(string name, Func<Task> call) => Do(name, async () =>
    {
        await call();
        return true;
    });

    private async Task<T> Do<T>(string name, Func<Task<T>> call)
    {
        int number = ++Calls;
        before?.Invoke(number, name);
        var result = await call();
        after?.Invoke(number, name);
        return result;
    }
}
