using System.Diagnostics;
using Ctwa.Silo.Hosting.Telemetry;
using OpenTelemetry.Trace;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Telemetry;

/// <summary>Which spans are kept.</summary>
public sealed class StepSamplerTests
{
    private static SamplingDecision Ask(double ratio, string name, ActivityContext parent = default, ActivityTraceId? trace = null) =>
        new StepSampler(ratio).ShouldSample(new SamplingParameters(parent, trace ?? ActivityTraceId.CreateRandom(), name, ActivityKind.Internal)).Decision;

    private static ActivityContext Parent(bool recorded) => new(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), recorded ? ActivityTraceFlags.Recorded : ActivityTraceFlags.None, isRemote: true);

    [Fact]
    public void Steps_are_sampled_by_their_traces_id_so_that_everybody_decides_alike()
    {
        int kept = Enumerable.Range(0, 2000).Count(_ => Ask(0.25, "step") == SamplingDecision.RecordAndSample);
        Assert.InRange(kept, 350, 650);
        Assert.Equal(SamplingDecision.Drop, Ask(0, "step"));
        Assert.Equal(SamplingDecision.RecordAndSample, Ask(1, "step"));
        for (int i = 0; i < 50; i++)
        {
            var trace = ActivityTraceId.CreateRandom();
            Assert.Equal(Ask(0.5, "step", trace: trace), Ask(0.5, "step", trace: trace));
        }
    }

    [Theory]
    [InlineData("shard generate", true, SamplingDecision.RecordAndSample)]
    [InlineData("shard generate", false, SamplingDecision.Drop)]
    [InlineData("step", false, SamplingDecision.Drop)]
    [InlineData("IRolloutShardGrain/Start", true, SamplingDecision.RecordAndSample)]
    [InlineData("IRolloutShardGrain/Poll", true, SamplingDecision.Drop)]
    public void What_has_a_parent_follows_it_apart_from_polls(string name, bool recorded, SamplingDecision expected) => Assert.Equal(expected, Ask(0.5, name, Parent(recorded)));

    [Fact]
    public void Calls_that_belong_to_no_step_are_dropped_and_a_jobs_few_other_spans_kept()
    {
        Assert.Equal(SamplingDecision.Drop, Ask(1, "IGridGrain/Tend"));
        Assert.Equal(SamplingDecision.RecordAndSample, Ask(0.001, "load"));
        Assert.Equal(SamplingDecision.RecordAndSample, Ask(0.001, "report"));
    }
}
