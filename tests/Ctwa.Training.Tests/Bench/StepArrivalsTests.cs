using System.Text;
using Ctwa.Bench.Runs;
using Xunit;

namespace Ctwa.Training.Tests.Bench;

public sealed class StepArrivalsTests
{
    [Fact]
    public void An_incomplete_line_waits_for_its_end()
    {
        var arrivals = new StepArrivals();
        byte[] first = Encoding.UTF8.GetBytes(Line("supervised", 1, 0.5) + "\n"), second = Encoding.UTF8.GetBytes(Line("rl", 2, 0.25) + "\n");
        Assert.Equal(first.Length, arrivals.Add([.. first, .. second.AsSpan(0, 10)], 1));
        Assert.Equal(("supervised", 1, 1.0), Told(Assert.Single(arrivals.Steps)));
        Assert.Equal(0, arrivals.Add(second.AsSpan(0, second.Length - 1), 2));
        Assert.Single(arrivals.Steps);
        Assert.Equal(second.Length, arrivals.Add(second, 3));
        Assert.Equal(("rl", 2, 3.0), Told(arrivals.Steps[1]));
        Assert.Equal(0.25, arrivals.Steps[1].Times["step"]);
        Assert.False(arrivals.Steps[1].Times.ContainsKey("throughput/tokens_per_s"));
    }

    [Fact]
    public void Seconds_per_step_are_those_between_two_lines_of_one_stage()
    {
        var arrivals = new StepArrivals();
        foreach (var (stage, step, seconds) in ((string, int, double)[])[("supervised", 1, 0.1), ("supervised", 2, 0.2), ("rl", 0, 1), ("rl", 1, 2), ("rl", 2, 4), ("rl", 3, 9)])
        {
            arrivals.Add(Encoding.UTF8.GetBytes(Line(stage, step, step) + "\n"), seconds);
        }

        Assert.Equal(3.5, arrivals.SecondsPerStep("rl", after: 1, last: 3));
        Assert.Equal(0.1, arrivals.SecondsPerStep("supervised", after: 1, last: 2), 12);
        // Steps 2 and 3 say 2 and 3 seconds.
        Assert.Equal(2.5, arrivals.Phases("rl", after: 1, last: 3)["step"]);
    }

    [Fact]
    public void A_step_that_was_not_seen_is_named()
    {
        var arrivals = new StepArrivals();
        arrivals.Add(Encoding.UTF8.GetBytes(Line("rl", 1, 1) + "\n"), 1);
        string message = Assert.Throws<InvalidOperationException>(() => arrivals.SecondsPerStep("rl", after: 1, last: 7)).Message;
        Assert.Contains("step 7 of the stage 'rl'", message, StringComparison.Ordinal);
    }

    private static (string Stage, int Step, double Seconds) Told(StepArrival arrival) => (arrival.Stage, arrival.Step, arrival.Seconds);

    private static string Line(string stage, int step, double seconds) =>
        FormattableString.Invariant($$"""{"stage":"{{stage}}","step":{{step}},"steps_total":9,"time/step_s":{{seconds}},"throughput/tokens_per_s":77.5}""");
}
