using System.Globalization;
using Ctwa.Bench.Measuring;
using Ctwa.Training.Specification;

namespace Ctwa.Bench.Checkpoints;

/// <summary>What a checkpoint after every step costs the steps of LocalTrainer, and how long it takes until it is on the disk.</summary>
internal static class CheckpointBenchmark
{
    private const string QuickStart = "quick-start size";

    /// <summary>Runs both sizes with and without checkpoints, in turns.</summary>
    public static async Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        string folder = Directory.CreateTempSubdirectory("ctwa-checkpoint-").FullName;
        try
        {
            foreach (var (suffix, what, more) in Sizes(options.Quick))
            {
                if (!options.Wants("checkpoint_stall" + suffix)) { continue; }
                await MeasureAsync(report, suffix, what, Read(more), folder, options.RoundsOr(full: 5, quick: 3));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task MeasureAsync(BenchmarkReport report, string suffix, string what, JobSpec job, string folder, int rounds)
    {
        // Both do all steps, so both write the last checkpoint; it is no part of any step that counts.
        var with = job with { Schedule = job.Schedule with { CheckpointEvery = 1 } };
        var without = job with { Schedule = job.Schedule with { CheckpointEvery = 1_000_000 } };
        double[] ours = new double[rounds], theirs = new double[rounds], stall = new double[rounds], work = new double[rounds], plain = new double[rounds];
        var durable = new List<double>();
        long bytes = 0;
        PeakMemory.Reset();
        for (int round = 0; round < rounds; round++)
        {
            double[]? beside = null, alone = null;
            for (int turn = 0; turn < 2; turn++)
            {
                bool writes = (round + turn) % 2 == 0;
                var timed = await TimedSteps.RunAsync(writes ? with : without, Path.Combine(folder, "run"));
                bytes = timed.Bytes;
                if (writes) { (beside, durable, work[round]) = (timed.Seconds, [.. durable, .. timed.Durable], timed.ProcessorSeconds); }
                else { (alone, plain[round]) = (timed.Seconds, timed.ProcessorSeconds); }
            }

            // The sum over steps: where a write takes longer than a step, it is the step after the next that waits.
            (ours[round], theirs[round]) = (beside!.Average(), alone!.Average());
            stall[round] = (ours[round] / theirs[round]) - 1;
        }

        string shown = string.Create(CultureInfo.InvariantCulture, $"{what}, {bytes / 1e6:0.#} MB of weights and moments");
        report.Add(Comparison.OfTimes("checkpoint_step" + suffix, $"RL step with a checkpoint after each, {shown}", ours, "LocalTrainer without checkpoints", theirs, peak: PeakMemory.Read()));
        report.Add(Comparison.Alone("checkpoint_stall" + suffix, $"share of a step that its checkpoint adds, {shown}", "share", Figure.Of(stall)));
        report.Add(Comparison.OfTimes("checkpoint_work" + suffix, $"processor time of a step and its checkpoint, all threads, {shown}", work, "LocalTrainer without checkpoints", plain));
        report.Add(Comparison.Alone("checkpoint_durable" + suffix, $"from the end of a step to its complete checkpoint beside the next, {shown}", "s", Figure.Of(durable)));
    }

    private static IEnumerable<(string Suffix, string What, string[] More)> Sizes(bool quick)
    {
        // Warmed up a little: a model that has learned nothing answers as long as it may.
        string steps = quick ? "schedule.steps=10" : "schedule.steps=20";
        yield return ("", QuickStart, [steps, "warm_start.steps=40"]);
        yield return ("_15m", "15M parameters",
        [
            quick ? "schedule.steps=7" : "schedule.steps=10", "warm_start=null", "model.init.hidden_size=384", "model.init.intermediate_size=1024", "model.init.num_hidden_layers=9", "model.init.num_attention_heads=6",
            "rollout.prompts_per_step=8", "rollout.samples_per_prompt=4", "rollout.max_new_tokens=24", "update.micro_batch_size=16",
        ]);
    }

    private static JobSpec Read(string[] more)
    {
        string path = Path.Combine(Checkout.Find().Root, "examples", "quickstart.yaml");
        var read = JobSpecReader.Read(path, ["schedule.validate_every=0", "data.test=null", .. more]);
        return read.Spec ?? throw new InvalidOperationException($"{path}: {string.Join("; ", read.Errors)}");
    }
}
