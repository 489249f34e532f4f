using System.Globalization;
using System.Text;
using Ctwa.Client.Output;
using Ctwa.Grains.Channel;
using Ctwa.Grains.Hosting;

namespace Ctwa.Bench.Simulate;

/// <summary>Writes the tables of docs/scaling.md: nobody types a number there. Those of measurements are <see cref="ScaleValidation"/>'s.</summary>
internal static class ScalingDocument
{
    private const int MessageLimit = 64 * 1024;

    private static readonly ScaleChanges s_ranges = ScaleChanges.Before with { RangeCopies = true };

    public static string Path => System.IO.Path.Combine(Checkout.Find().Root, "docs", "scaling.md");

    /// <exception cref="InvalidDataException">The document lacks a section.</exception>
    public static void Write()
    {
        var options = new SimulateOptions();
        Put("inputs", Inputs(options));
        Put("breaks", Breaks(options));
        Put("memory", Memory(options));
        Put("code", SimulationTable.Of(SimulateBenchmark.Simulate(options), weak: false, devices: 1));
        var ranges = SimulateBenchmark.Simulate(options with { Changes = s_ranges });
        Put("ranges", SimulationTable.Of(ranges, weak: false, devices: 1));
        Put("processors", SimulationTable.Of(SimulateBenchmark.Simulate(options with { Machine = options.Machine with { CopyRate = double.PositiveInfinity } }), weak: false, devices: 1));
        var all = SimulateBenchmark.Simulate(options with { Changes = ScaleChanges.All });
        Put("changed", SimulationTable.Of(all, weak: false, devices: 1));
        var weak = options with { Changes = ScaleChanges.All, Weak = true, Job = options.Job with { Shards = 4096 } };
        Put("weak", SimulationTable.Of(SimulateBenchmark.Simulate(weak), weak: true, devices: 1));
        var nodes = options with { Changes = ScaleChanges.All, LargestSilos = 128, Machine = options.Machine with { Devices = 8, LinkRate = 50e9 } };
        Put("nodes", SimulationTable.Of(SimulateBenchmark.Simulate(nodes), weak: false, devices: 8));
        Put("checks", Checks(options, ranges, all));
    }

    private static void Put(string name, string text)
    {
        new MarkedSection("scaling-" + name).Replace(Path, text);
        Console.WriteLine($"{name}:\n{text}");
    }

    private static string Inputs(SimulateOptions options)
    {
        var (job, machine) = (options.Job, options.Machine);
        string Number(double value) => double.IsInteger(value) ? value.ToString("N0", CultureInfo.InvariantCulture) : value.ToString("0.###", CultureInfo.InvariantCulture);
        (string Name, string Value, string From)[] lines =
        [
            ("P, parameters", Number(job.Parameters), "Qwen2.5-1.5B"),
            ("M, objectives; R, gradients kept apart", $"{job.Objectives}; {job.Rows}", "a method that solves over gradients"),
            ("S, shards; C, slices; U, updates per step", $"{job.Shards}; {job.Slices}; {job.Updates}", "the job"),
            ("answers of a shard; tokens of a prompt and of an answer", $"{job.PromptsPerShard} x {job.Samples}; {job.PromptTokens} and {job.ResponseTokens}", "the job"),
            ("E, bytes of a weight that models compute with", Number(job.ElementBytes), "bfloat16"),
            ("B, link of a silo, each way, GB/s", Number(machine.LinkRate / 1e9), "[tensor-channel.txt](measurements/tensor-channel.txt): 16 MB, 4 in flight, both ends on one machine with two cores"),
            ("L, latency of a call, µs", Number(machine.Latency * 1e6), "the same: grain calls beside the idle channel"),
            ("coordinator's time for a call, µs", Number(machine.CallSeconds * 1e6), "[elasticity.md](elasticity.md): one call per shard, 10,000 shards"),
            ("coordinator's time for a shard in a batch, µs", Number(machine.ItemSeconds * 1e6), "the same: batches by silo"),
            ("D, between device and host, GB/s", Number(machine.CopyRate / 1e9), "assumed: unpinned copies; not measured"),
            ("device's memory traffic, TB/s", Number(machine.MemoryRate / 1e12), "[gpu-h100.md](measurements/gpu-h100.md): AdamW's bytes"),
            ("token of a shard's batch, ms", Number(1e3 * machine.Generation(job) / job.ResponseTokens), "the same: a line through 64 and 256 rows, bfloat16; bound by the host"),
            ("forward, backward pass, ms per 4,096 tokens", $"{Number(1e3 * machine.ForwardSeconds * 4096 * 1_543_714_304)}, {Number(1e3 * machine.BackwardSeconds * 4096 * 1_543_714_304)}", "the same: bfloat16, own attention"),
            ("AdamW of all parameters, ms", Number(1e3 * machine.AdamSeconds * 1_543_714_304), "the same"),
            ("score of an answer by one objective, µs", Number(1e6 * machine.ScoreSeconds), "assumed: a rule, no model; not measured"),
            ("disk, GB/s", Number(machine.DiskRate / 1e9), "assumed; not measured"),
            ("spread of shards' times", $"± {machine.Spread:P0}", "assumed; uniform, by seed"),
        ];
        return "| | value | from |\n|---|---|---|\n" + string.Concat(lines.Select(line => $"| {line.Name} | {line.Value} | {line.From} |\n"));
    }

    private static string Breaks(SimulateOptions options)
    {
        var (job, machine) = (options.Job, options.Machine);
        var messages = new MessageBytes();
        StepFormulas At(int silos, ScaleJob? other = null) => new(other ?? job, machine, silos);
        int served = new TensorChannelOptions().MaxConnectionsServed;
        int few = Enumerable.Range(2, 4000).First(silos => At(silos).Connections() > served), one = Enumerable.Range(2, 4000).First(silos => At(silos, job with { Slices = silos, Shards = silos }).Connections() > served);
        int large = MessageBytes.First(messages.Collect, MessageLimit), larger = MessageBytes.First(messages.Collect, GridSiloBuilder.LargestMessageBytes);
        var formulas = At(1024);
        double calls = job.Updates * 1.0 * job.Slices * 10 * machine.CallSeconds;
        var text = new StringBuilder("| what | at | why |\n|---|---|---|\n");
        text.Append(CultureInfo.InvariantCulture, $"| connections to one silo's channel | {few} silos with {job.Slices} slices; {one} with a slice and a shard per silo | more than {served} are refused, idle ones count, and no option of the silo raises it |\n");
        text.Append(CultureInfo.InvariantCulture, $"| mended: copies between device and host in a collection | from 2 silos: {Gigabytes(4.0 * job.Length)} for each of {job.Slices} slices, row and node; {SimulationTable.Seconds(At(2).Collection(ScaleChanges.Before))} s at 2 silos | the whole vector was copied for every range of it |\n");
        text.Append(CultureInfo.InvariantCulture, $"| mended: one order of pulls for all, lockstep | at worst {SimulationTable.Seconds(At(64).Collection(s_ranges))} s of collection at 64 silos and {SimulationTable.Seconds(formulas.Collection(s_ranges))} s at 1,024, where {SimulationTable.Seconds(formulas.Collection(ScaleChanges.All))} s would do; publication at 1,024 {SimulationTable.Seconds(formulas.Publication(s_ranges))} s instead of {SimulationTable.Seconds(formulas.Publication(ScaleChanges.All))} s; as simulated, see the tables | all silos asked the same one to three at a time |\n");
        text.Append(CultureInfo.InvariantCulture, $"| calls to slices, one by one | {calls:0.00} s of the coordinator per update with {job.Slices} mirrored slices | 10 calls per slice where rows are combined; batches exist for shards only |\n");
        text.Append(CultureInfo.InvariantCulture, $"| `CollectWork` | {messages.Collect(1024):N0} bytes at 1,024 nodes; above 64 KB from {large:N0} nodes, above the largest message from {larger:N0}; {Gigabytes((double)messages.Collect(1024) * job.Slices)} per update for {job.Slices} slices | every slice is sent the whole tree |\n");
        text.Append(CultureInfo.InvariantCulture, $"| `PublishWork` | {messages.Publish(job.Slices, 1024):N0} bytes at {job.Slices} slices; above 64 KB from {MessageBytes.First(slices => messages.Publish(slices, 1024), MessageLimit):N0} slices; {Gigabytes((double)messages.Publish(job.Slices, 1024) * 1024)} per update for 1,024 silos | every silo is sent the whole manifest |\n");
        text.Append(CultureInfo.InvariantCulture, $"| `PolicyWork` | above 64 KB from {MessageBytes.First(answers => messages.Policy(answers, 1), MessageLimit):N0} answers of a shard with one row, {MessageBytes.First(answers => messages.Policy(answers, 3), MessageLimit):N0} with 3, {MessageBytes.First(answers => messages.Policy(answers, 8), MessageLimit):N0} with 8; above the largest message from {MessageBytes.First(answers => messages.Policy(answers, 8), GridSiloBuilder.LargestMessageBytes):N0} with 8 | it is not cut |\n");
        text.Append(CultureInfo.InvariantCulture, $"| one silo with the rewards | {formulas.Scoring:0.00} s of every step, {formulas.RewardCalls():N0} calls | however many silos there are |\n");
        text.Append(CultureInfo.InvariantCulture, $"| shards | {formulas.Generation:0.0} s of generation at {job.Shards} silos, and at any number above | a shard is the smallest part: more silos than shards have nothing to do |\n");
        text.Append(CultureInfo.InvariantCulture, $"| memory of a silo | {At(1).Memory(true) / job.Length:0.0} bytes per parameter on one silo and {formulas.Memory(true) / job.Length:0.0} on 1,024: {machine.DeviceMemory * 1024 / (formulas.Memory(true) / job.Length) / 1024 / 1e9:0.0} billion parameters in {Gigabytes(machine.DeviceMemory)} without activations | every silo has room for all weights, moments and rows |\n");
        text.Append(CultureInfo.InvariantCulture, $"| a checkpoint | {Gigabytes(formulas.CheckpointBytes())} to one silo at 1,024 silos, {Gigabytes(12.0 * job.Parameters)} to one disk: {(formulas.CheckpointBytes() / machine.LinkRate) + (12.0 * job.Parameters / machine.DiskRate):0.0} s | one silo gathers and writes |\n");
        return text.ToString();
    }

    private static string Memory(SimulateOptions options)
    {
        var text = new StringBuilder("| R | silos | GB per silo | with a reference policy | bytes per parameter |\n|---|---|---|---|---|\n");
        foreach (int rows in (int[])[1, 3, 8])
        {
            foreach (int silos in (int[])[1, 16, 1024])
            {
                var formulas = new StepFormulas(options.Job with { Rows = rows, Objectives = rows }, options.Machine, silos);
                text.Append(CultureInfo.InvariantCulture, $"| {rows} | {silos} | {formulas.Memory(false) / 1e9:0.0} | {formulas.Memory(true) / 1e9:0.0} | {formulas.Memory(true) / options.Job.Length:0.0} |\n");
            }
        }

        return text.ToString();
    }

    private static string Checks(SimulateOptions options, IReadOnlyList<StepResult> ranges, IReadOnlyList<StepResult> all)
    {
        var text = new StringBuilder("| silos | TB between silos | simulated equal | calls | simulated | PFLOP | step s, one order: formula | simulated | step s, changed: formula | simulated |\n|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (var (one, other) in ranges.Zip(all))
        {
            var formulas = new StepFormulas(options.Job, options.Machine, one.Silos);
            string equal = formulas.Bytes() == one.Bytes && formulas.Bytes() == other.Bytes ? "yes" : "NO";
            text.Append(CultureInfo.InvariantCulture, $"| {one.Silos} | {formulas.Bytes().Total / 1e12:0.000} | {equal} | {formulas.Calls() + formulas.ExtraPolls():N0} | {one.Calls:N0} | {formulas.Flops() / 1e15:N0} | {SimulationTable.Seconds(formulas.Seconds(s_ranges))} | {SimulationTable.Seconds(one.Seconds)} | {SimulationTable.Seconds(formulas.Seconds(ScaleChanges.All))} | {SimulationTable.Seconds(other.Seconds)} |\n");
        }

        return text.ToString();
    }

    private static string Gigabytes(double bytes) => bytes >= 1e9 ? (bytes / 1e9).ToString("0.0", CultureInfo.InvariantCulture) + " GB" : (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture) + " MB";
}
