using System.Globalization;
using System.Text;
using Ctwa.Client.Output;
using Ctwa.TestKit.Grid;

namespace Ctwa.Bench.Simulate;

/// <summary>Formulas and simulator against what this machine does: bytes of a real grid, its calls, and a coordinator's seconds.</summary>
internal static class ScaleValidation
{
    /// <summary>Seconds of the control plane may be so many times what is simulated, or this part of it.</summary>
    private const double Factor = 3;

    /// <summary>Calls of a step may be so much more or fewer than the formula's, once those of the idle grid are taken off.</summary>
    private const double OtherCalls = 0.25;

    private static readonly MarkedSection s_section = new("scaling-validation");

    /// <summary>Measures, prints, and after a full run writes the section of docs/scaling.md.</summary>
    /// <returns>False: bytes differ, or seconds by more than the stated factor.</returns>
    public static async Task<bool> RunAsync(bool quick)
    {
        var text = new StringBuilder();
        var machine = await MachineDescription.ReadAsync(Checkout.Find());
        text.Append(CultureInfo.InvariantCulture, $"{machine.Machine}\nload {machine.Load} at the start, {machine.Date}, {machine.Commit}\n\n");
        string folder = Directory.CreateTempSubdirectory("ctwa-scale-").FullName;
        bool good = await BytesAsync(text, folder, quick);
        good &= await SecondsAsync(text, folder, quick);
        Console.WriteLine(text);
        Directory.Delete(folder, recursive: true);
        if (good && !quick) { s_section.Replace(ScalingDocument.Path, text.ToString()); }
        return good;
    }

    private static async Task<bool> BytesAsync(StringBuilder text, string folder, bool quick)
    {
        text.Append("Bytes of a real job per step: the difference between two runs of the quick-start's job without its warm start, divided by the steps between them; and what is left of the shorter one, its checkpoint.\n\n");
        text.Append("| silos | shards | slices | rows | bytes per step: measured | formula | simulated | checkpoint: measured | formula | calls per step: measured | of them the idle grid's | formula |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        bool good = true, near = true;
        await using var redis = await RedisServer.StartAsync();
        (int Silos, int Shards, int Slices, string Method)[] cases = quick ? [(3, 5, 4, "linear")] : [(2, 4, 2, "linear"), (3, 5, 4, "linear"), (3, 5, 4, "mgda"), (4, 7, 5, "mgda")];
        int[] steps = quick ? [2, 5] : [2, 8];
        foreach (var (silos, shards, slices, method) in cases)
        {
            string[] keys = [FormattableString.Invariant($"grid.shards={shards}"), FormattableString.Invariant($"grid.slices={slices}"), $"scalarizer.method={method}"];
            var runs = await GridMeasurement.RunAsync(Path.Combine(folder, FormattableString.Invariant($"grid-{silos}-{shards}-{slices}-{method}")), redis, silos, steps, keys);
            // 16 prompts in updates of 8, 16 answers each; float32.
            var job = new ScaleJob { Parameters = runs[0].Length, Objectives = 3, Rows = method == "mgda" ? 3 : 1, Shards = shards, Slices = slices, ElementBytes = 4, Updates = 2, PromptsPerShard = 2, Samples = 16, PromptTokens = 12, ResponseTokens = 72 };
            var formulas = new StepFormulas(job, new ScaleMachine(), silos);
            var simulated = StepSimulation.Run(job, new ScaleMachine().WithFreeNetwork(), new(), silos);
            double perStep = (runs[1].Bytes - runs[0].Bytes) / (double)(steps[1] - steps[0]), calls = (runs[1].Calls - runs[0].Calls) / (double)(steps[1] - steps[0]);
            double idle = runs[0].IdleCalls * (runs[1].Seconds - runs[0].Seconds) / (steps[1] - steps[0]);
            double left = runs[0].Bytes - (steps[0] * perStep);
            long expected = formulas.Calls() + formulas.RewardCalls();
            text.Append(CultureInfo.InvariantCulture, $"| {silos} | {shards} | {slices} | {job.Rows} | {perStep:N0} | {formulas.Bytes().Total:N0} | {simulated.Bytes.Total:N0} | {left:N0} | {formulas.CheckpointBytes():N0} | {calls:0.0} | {idle:0.0} | {expected} |\n");
            good &= perStep == formulas.Bytes().Total && simulated.Bytes == formulas.Bytes() && left == formulas.CheckpointBytes();
            near &= Math.Abs(calls - idle - expected) <= OtherCalls * expected;
        }

        text.Append(good ? "\nBytes agree exactly. " : "\nBYTES DISAGREE. ");
        text.Append(CultureInfo.InvariantCulture, $"Calls are counted by all silos and include what the grid asks itself beside jobs (queues of streams, silos' looks at each other), estimated from an idle grid's rate; without it they are {(near ? "within" : "NOT WITHIN")} {OtherCalls:P0} of the formula's, the rewards' among them. The rest was not taken apart: questions about longer work, samples' texts, and the error of the idle grid's rate are in it, and silos look at each other once a second at most, which the formula takes to be once a step.\n\n");
        return good && near;
    }

    private static async Task<bool> SecondsAsync(StringBuilder text, string folder, bool quick)
    {
        int[] shards = quick ? [16, 1000] : [16, 64, 255, 256, 1000, 10_000];
        text.Append(CultureInfo.InvariantCulture, $"Seconds of a coordinator that has simulated shards on two silos generate and accumulate (one call per shard below 256 shards, batches from there on), against the simulator with the default times of calls; agreement within a factor of {Factor:0} is asked for from 1,000 shards on, below it is fixed costs that are no part of the model.\n\n| shards | measured ms | simulated ms | ratio |\n|---|---|---|---|\n");
        var measured = await ControlPlaneMeasurement.RunAsync(folder, shards, quick ? 10 : 30);
        bool good = true;
        foreach (var (count, seconds) in shards.Zip(measured))
        {
            var job = new ScaleJob { Parameters = 4096, Rows = 1, Shards = count, Slices = 1, PromptsPerShard = 1, Samples = 16, Observe = false };
            var instant = new ScaleMachine { Spread = 0, TokenSeconds = 0, TokenRowSeconds = 0, ForwardSeconds = 0, BackwardSeconds = 0, ScoreSeconds = 0, MemoryRate = double.PositiveInfinity };
            var simulated = StepSimulation.Run(job, instant, new(), 2);
            double predicted = simulated.Of("generate") + simulated.Of("train"), ratio = seconds / predicted;
            text.Append(CultureInfo.InvariantCulture, $"| {count} | {1e3 * seconds:0.00} | {1e3 * predicted:0.00} | {ratio:0.00} |\n");
            good &= count < 1000 || ratio is > 1 / Factor and < Factor;
        }

        return good;
    }
}
