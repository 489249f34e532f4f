using System.Globalization;

namespace Ctwa.TestKit.Grid;

/// <summary>What came of one fault.</summary>
/// <param name="Fault">What was done.</param>
/// <param name="At">Where the run stood when it was done; empty: it had ended before.</param>
/// <param name="Seconds">From the submission to the end.</param>
/// <param name="NextStepSeconds">From the fault to the next step that the run had not completed before.</param>
/// <param name="DetectedSeconds">From the fault to the first survivor's log that calls the silo dead.</param>
/// <param name="Failure">What was not as it must be; null: weights, history and the method's memory are the undisturbed run's.</param>
/// <param name="Skipped">Why this fault cannot be had here; it shows nothing then.</param>
public sealed record ChaosResult(Fault Fault, string At, double Seconds, double? NextStepSeconds, double? DetectedSeconds, string? Failure, string? Skipped)
{
    public bool IsGood => Failure is null && Skipped is null;

    public override string ToString()
    {
        string times = (DetectedSeconds is { } detected ? string.Create(CultureInfo.InvariantCulture, $", detected after {detected:0.0} s") : "") + (NextStepSeconds is { } next ? string.Create(CultureInfo.InvariantCulture, $", next step after {next:0.0} s") : "");
        return Skipped is not null ? $"{Fault}: skipped, {Skipped}"
            : string.Create(CultureInfo.InvariantCulture, $"{(Failure is null ? "equal" : "FAILED")} {Seconds,6:0.0} s  {Fault}{(At.Length > 0 ? $" ({At})" : " (after its end)")}{times}{(Failure is null ? "" : "\n    " + Failure)}");
    }
}
