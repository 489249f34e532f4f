using System.Diagnostics;
using Ctwa.Training.Telemetry;
using OpenTelemetry.Trace;

namespace Ctwa.Silo.Hosting.Telemetry;

/// <summary>
/// Decides once per step, by its trace's id, whether the step is traced; everything below it follows, on whatever silo. A job's few other
/// spans are always kept. Calls that belong to no step (membership, queue, watchers) are not traced, nor are polls: they would be most of a trace.
/// </summary>
internal sealed class StepSampler(double ratio) : Sampler
{
    private const string Poll = "/Poll";

    private readonly TraceIdRatioBasedSampler _steps = new(ratio);

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters)
    {
        var parent = samplingParameters.ParentContext;
        if (parent.TraceId != default)
        {
            bool follows = (parent.TraceFlags & ActivityTraceFlags.Recorded) != 0 && !samplingParameters.Name.EndsWith(Poll, StringComparison.Ordinal);
            return new SamplingResult(follows ? SamplingDecision.RecordAndSample : SamplingDecision.Drop);
        }

        if (samplingParameters.Name == TelemetryNames.StepSpan) { return _steps.ShouldSample(samplingParameters); }
        return new SamplingResult(TelemetryNames.JobSpans.Contains(samplingParameters.Name) ? SamplingDecision.RecordAndSample : SamplingDecision.Drop);
    }
}
