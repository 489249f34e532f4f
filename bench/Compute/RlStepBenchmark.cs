using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Bench.Measuring;
using Ctwa.Training.Randomness;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Bench.Compute;

/// <summary>
/// Whole steps of the quick-start's reinforcement learning, from its own warm start, by LocalTrainer on one thread beside a straightforward PyTorch implementation of
/// them on one thread; after each of our steps PyTorch takes one. The learning rate is next to 0, so that both sample answers of the same lengths all the time.
/// </summary>
internal static class RlStepBenchmark
{
    private static readonly string[] s_phases = ["generate", "score", "update", "observe"];

    /// <summary>Adds its lines.</summary>
    public static async Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        int rounds = options.RoundsOr(20, 8);
        string folder = Directory.CreateTempSubdirectory("ctwa-rl-step-").FullName;
        try
        {
            string example = Path.Combine(Checkout.Find().Root, "examples", "quickstart.yaml");
            string start = await WarmStartAsync(example, options.Quick ? 150 : 750, Path.Combine(folder, "warm-start"));
            var spec = Read(example, [$"model={{path: {start}}}", "warm_start=null", "optimizer.learning_rate=1.0e-12", FormattableString.Invariant($"schedule.steps={rounds + 2}"), "schedule.validate_every=0", "schedule.checkpoint_every=1000"]);
            using var run = RunDirectory.Open(Path.Combine(folder, "run"), resume: false);
            var job = PreparedJob.Prepare(spec, run.Path);
            using var pytorch = PyTorchPeer.Start(1);
            var turns = new Turns(pytorch.Absent is null ? () => pytorch.Ask("rl_step", Arguments(job, start, spec)) : null);
            PeakMemory.Reset();
            await LocalTrainer.RunAsync(job, run, turns);
            Add(report, turns, pytorch, PeakMemory.Read());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Add(BenchmarkReport report, Turns turns, PyTorchPeer pytorch, long? peak)
    {
        // The first two warm both up.
        double[] ours = [.. turns.Ours.Skip(2)];
        double[]? theirs = pytorch.Absent is null ? [.. turns.Theirs.Skip(2).Select(answer => answer["seconds"]!.GetValue<double>())] : null;
        report.Add(Comparison.OfTimes("rl_step", "quick-start RL step: 256 answers, 2 updates, CTWA", ours, pytorch.Name, theirs, pytorch.Absent, peak));
        double[]? lengths = theirs is null ? null : [.. turns.Theirs.Skip(2).Select(answer => answer["tokens"]!.GetValue<double>())];
        report.Add(new Comparison("rl_step_tokens", "response tokens of a step", "tokens", Figure.Of(turns.Metrics.Skip(2).Select(one => one["throughput/tokens_per_s"]!.GetValue<double>() * one["time/step_s"]!.GetValue<double>())), pytorch.Name, lengths is null ? null : Figure.Of(lengths), null, pytorch.Absent));
        foreach (string phase in s_phases) { report.Add(Comparison.Alone($"rl_step_{phase}", $"of it: {phase}", "s", Figure.Of(turns.Metrics.Skip(2).Select(one => one[$"time/{phase}_s"]!.GetValue<double>())))); }
        if (theirs is null) { return; }
        foreach (string phase in turns.Theirs[0]["phases"]!.AsObject().Select(one => one.Key))
        {
            report.Add(Comparison.Alone($"rl_step_pytorch_{phase.Replace(' ', '_')}", $"of PyTorch's: {phase}", "s", Figure.Of(turns.Theirs.Skip(2).Select(answer => answer["phases"]![phase]!.GetValue<double>()))));
        }
    }

    private static async Task<string> WarmStartAsync(string example, int steps, string path)
    {
        var spec = Read(example, [FormattableString.Invariant($"warm_start.steps={steps}"), "scalarizer={method: linear}", "schedule.steps=0", "schedule.validate_every=0"]);
        using var run = RunDirectory.Open(path, resume: false);
        await LocalTrainer.RunAsync(PreparedJob.Prepare(spec, run.Path), run, new Silence());
        return Directory.GetDirectories(Path.Combine(path, "checkpoints"), "supervised-*").Single();
    }

    private static JobSpec Read(string job, string[] overrides)
    {
        var read = JobSpecReader.Read(job, overrides);
        return read.Spec ?? throw new InvalidOperationException(string.Join('\n', read.Errors));
    }

    private static object Arguments(PreparedJob job, string start, JobSpec spec)
    {
        var config = job.Config;
        int count = spec.Rollout.PromptsPerStep;
        return new
        {
            shape = new
            {
                hidden_size = config.HiddenSize, intermediate_size = config.IntermediateSize, num_hidden_layers = config.NumHiddenLayers, num_attention_heads = config.NumAttentionHeads,
                num_key_value_heads = config.NumKeyValueHeads, head_dim = config.HeadDim, vocab_size = config.VocabSize, rope_theta = config.RopeTheta, rms_norm_eps = config.RmsNormEps,
            },
            path = Path.Combine(start, "model.safetensors"),
            vocabulary = Enumerable.Range(0, config.VocabSize).Select(id => id < job.Tokenizer.VocabularySize ? job.Tokenizer.Decode([id]) : "").ToArray(),
            prompts = Enumerable.Range(0, count).Select(i => job.Encode(RandomPurpose.Sampling, i, i).Tokens).ToArray(),
            answers = Enumerable.Range(0, count).Select(i => job.Example(RandomPurpose.Sampling, i).GroundTruth).ToArray(),
            samples = spec.Rollout.SamplesPerPrompt, new_tokens = spec.Rollout.MaxNewTokens, stop = job.StopTokens[0],
            updates = count / spec.Update.PromptsPerUpdate, micro_batch = spec.Update.MicroBatchSize, rate = 0.0, measure = spec.Diagnostics.RealisedEvery == 1,
        };
    }

    /// <summary>Lets the other take a step after each of ours, and keeps its time out of ours.</summary>
    private sealed class Turns(Func<JsonNode>? other) : ITrainingObserver
    {
        private long _begun;

        public List<double> Ours { get; } = [];

        public List<JsonNode> Theirs { get; } = [];

        public List<JsonObject> Metrics { get; } = [];

        public void Message(string text) { }

        public void Warning(string text) { }

        void ITrainingObserver.Metrics(TrainingStage stage, string json)
        {
            var line = JsonNode.Parse(json)!.AsObject();
            if (stage != TrainingStage.Rl) { return; }
            // From the end of one turn to the end of the next step: all that a step costs, its records too.
            if (_begun != 0)
            {
                Ours.Add(Stopwatch.GetElapsedTime(_begun).TotalSeconds);
                Metrics.Add(line);
                if (other is not null) { Theirs.Add(other()); }
            }

            _begun = Stopwatch.GetTimestamp();
        }

        public void Checkpoint(TrainingStage stage, int step, string path) { }

        public void Summary(string json) { }
    }
}
