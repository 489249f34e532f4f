using System.Collections.Concurrent;
using System.Diagnostics;
using Ctwa.Training.Steps;
using Ctwa.Training.Telemetry;
using Ctwa.Training.Tests.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Telemetry;

/// <summary>One trace per step.</summary>
public sealed class StepTraceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-trace-").FullName;

    [Fact]
    public async Task A_step_is_a_trace_with_its_attempts_phases_commit_and_checkpoint()
    {
        var spans = new ConcurrentQueue<Activity>();
        string name = Path.GetFileName(_folder);
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TelemetryNames.Training,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        Activity.Current = null;
        bool failed = false;
        Action<int, string> fail = (_, call) =>
        {
            if (call != "reduce" || failed) { return; }
            failed = true;
            throw new ComputeLostException("a silo is gone.");
        };
        var run = new RunFolder(Path.Combine(_folder, name), TinyJobs.Arithmetic(steps: 2, warmStartSteps: 1));
        await run.AttemptAsync(inner => new FaultyBackend(inner, before: fail));

        // Other tests of this process may run beside this one.
        Activity[] steps = [.. spans.Where(span => span.OperationName == "step" && (string?)span.GetTagItem(TelemetryNames.JobLabel) == name)];
        Activity[] Of(Activity step) => [.. spans.Where(span => span.TraceId == step.TraceId && span != step)];
        Assert.All(steps, step => Assert.Equal(default, step.ParentSpanId));
        Assert.Equal(steps.Length, steps.Select(step => step.TraceId).Distinct().Count());
        Assert.Equal(["supervised", "rl", "rl"], steps.Where(step => step.Status != ActivityStatusCode.Error).Select(step => (string?)step.GetTagItem(TelemetryNames.StageLabel)));
        var last = Of(steps[^1]);
        Assert.Equal(["attempt", "checkpoint", "commit", "generate", "observe", "score", "update", "validate"], last.Select(span => span.OperationName).Distinct().Order(StringComparer.Ordinal));
        var attempt = last.First(span => span.OperationName == "attempt");
        Assert.All(last.Where(span => span.OperationName is "generate" or "score" or "update" or "observe" or "validate"), phase => Assert.Equal(attempt.SpanId, phase.ParentSpanId));
        Assert.All(last.Where(span => span.OperationName == "commit"), commit => Assert.Equal(steps[^1].SpanId, commit.ParentSpanId));

        // The one that failed says so, and why it could not be recovered here.
        var lost = Assert.Single(steps, step => step.Status == ActivityStatusCode.Error);
        Assert.Contains(Of(lost), span => span is { OperationName: "attempt", Status: ActivityStatusCode.Error, StatusDescription: "a silo is gone." });
        Assert.Contains(Of(lost), span => span is { OperationName: "recover", Status: ActivityStatusCode.Error });
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
