using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>
/// The opened rewards of an evaluation, of every kind: programs start, services are called and models load here as on a silo, when
/// they are first asked. What a job may use is not limited: it runs in the user's own process, as with <c>ctwa train</c>.
/// </summary>
internal sealed class EvalRewards : IDisposable
{
    private readonly RewardSet _set;

    private EvalRewards(RewardSet set) => _set = set;

    /// <summary>Opens the rewards of a job.</summary>
    /// <param name="job">Where the objectives and their reward models come from, with absolute paths.</param>
    /// <param name="device">Where models of rewards compute.</param>
    /// <param name="error">Gets what programs write to standard error, restarts and retries.</param>
    /// <exception cref="ToolFailure">A file or an environment variable that a reward names is not there.</exception>
    public static EvalRewards Open(JobSpec job, string device, TextWriter error)
    {
        // Programs, certificates and models of rewards, and nothing else of the job, must be there.
        string[] missing = [.. JobInspector.Inspect(job).Findings.Where(finding => finding.Path.StartsWith("objectives", StringComparison.Ordinal) || finding.Path.StartsWith("reward_models", StringComparison.Ordinal)).Select(finding => $"{finding.Path} {finding.Message}")];
        if (missing.Length > 0) { throw new ToolFailure(ToolExitCodes.BadInput, string.Join('\n', missing)); }
        var services = new RewardServices { Device = ModelOptions.Device(device), Log = TextWriter.Synchronized(error).WriteLine, Parallel = Environment.ProcessorCount };
        return ModelOptions.Guard(() => new EvalRewards(RewardSet.Open(job, [.. RewardSource.Of(job).Select(source => RewardRegistry.CreatePlain(source.Reward))], services)));
    }

    /// <summary>Attempts per objective and completion.</summary>
    public Task<ScoreAttempt[][]> AskAsync(IReadOnlyList<ScoredCompletion> completions, RewardContext context, CancellationToken cancellationToken) =>
        Task.FromResult(_set.ScoreAll(completions, [[.. Enumerable.Range(0, completions.Count)]], context, cancellationToken));

    public void Dispose() => _set.Dispose();
}
