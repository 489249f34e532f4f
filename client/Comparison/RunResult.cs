namespace Ctwa.Client.Comparison;

/// <summary>How a run of a comparison ended.</summary>
/// <param name="Run">The run.</param>
/// <param name="Measures">What it measured; null if it failed.</param>
/// <param name="ExitCode">What <c>ctwa train</c> would have ended with.</param>
/// <param name="Error">Why it failed, for people; null if it did not.</param>
/// <param name="Reused">An earlier call finished it.</param>
internal sealed record RunResult(PlannedRun Run, RunMeasures? Measures, int ExitCode, string? Error, bool Reused)
{
    /// <summary>The error's first line, for tables.</summary>
    public string? ErrorLine => Error?.Split('\n')[0].Trim();
}
