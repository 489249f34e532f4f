using System.Text.Json.Nodes;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Telemetry;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>A run directory in a test: runs attempts at a job in it and reads what they left.</summary>
internal sealed class RunFolder(string path, JobSpec spec)
{
    public string Path => path;

    public RecordingObserver Observer { get; private set; } = new();

    public CheckpointStore Checkpoints => new(In("checkpoints"));

    public string In(params string[] names) => System.IO.Path.Combine([path, .. names]);

    /// <summary>Starts the run, or continues it if it has been started.</summary>
    public async Task<RunOutcome> AttemptAsync(Func<ITrainingBackend, ITrainingBackend>? wrap = null, RecordingObserver? observer = null, CancellationTokenSource? stop = null, IReadOnlyList<IReward>? rewards = null, JobSpec? changed = null, JobTelemetry? telemetry = null)
    {
        Observer = observer ?? new RecordingObserver();
        bool resume = File.Exists(In("job.yaml"));
        using var run = RunDirectory.Open(path, resume);
        if (!resume) { run.WriteJob(JobSpecYaml.Write(spec)); }
        var job = PreparedJob.Prepare(changed ?? spec, path, rewards);
        using var backend = new LocalBackend(job);
        return await new TrainingLoop(job, wrap?.Invoke(backend) ?? backend, run, Observer, telemetry).RunAsync(stop?.Token ?? CancellationToken.None, TestContext.Current.CancellationToken);
    }

    /// <summary>Runs to the end and returns what is there.</summary>
    public async Task<RunTrace> FinishAsync(IReadOnlyList<IReward>? rewards = null)
    {
        Assert.Equal(RunOutcome.Finished, await AttemptAsync(rewards: rewards));
        return RunTrace.Of(this);
    }
}

/// <summary>Everything about a finished run that must not depend on interruptions.</summary>
/// <param name="Weights">SHA-256 of the last weights, or adapters.</param>
/// <param name="Optimizer">SHA-256 of the last optimizer.safetensors.</param>
/// <param name="State">The last checkpoint's state.json: step, cursor, method, lengths, baselines.</param>
/// <param name="Metrics">metrics.jsonl without times.</param>
/// <param name="Samples">Every file of samples/ with its content.</param>
/// <param name="Summary">summary.json without times and places.</param>
internal sealed record RunTrace(string Weights, string Optimizer, string State, string Metrics, string Samples, string Summary)
{
    public static RunTrace Of(RunFolder run)
    {
        string last = run.Checkpoints.Complete()[^1];
        string Read(string name) => File.ReadAllText(Path.Combine(last, name));
        string state = Read("state.json");
        Assert.Equal(state, File.ReadAllText(run.In("state.json")));
        string samples = run.In("samples");
        return new(
            CheckpointStore.Hash(new[] { "model.safetensors", "adapter_model.safetensors" }.Select(name => Path.Combine(last, name)).First(File.Exists)),
            CheckpointStore.Hash(Path.Combine(last, "optimizer.safetensors")),
            state,
            string.Join('\n', (File.Exists(run.In("metrics.jsonl")) ? File.ReadLines(run.In("metrics.jsonl")) : []).Select(line => Without(line, key => key.StartsWith("time/", StringComparison.Ordinal) || key.StartsWith("throughput/", StringComparison.Ordinal)))),
            Directory.Exists(samples) ? string.Join('\n', Directory.GetFiles(samples).Order(StringComparer.Ordinal).Select(file => $"{Path.GetFileName(file)}\n{File.ReadAllText(file)}")) : "",
            Without(File.ReadAllText(run.In("summary.json")), key => key is "seconds" or "run_directory" or "checkpoint" or "peak_memory_bytes"));
    }

    private static string Without(string json, Func<string, bool> volatileKey)
    {
        var values = JsonNode.Parse(json)!.AsObject();
        foreach (string key in values.Select(entry => entry.Key).Where(volatileKey).ToList()) { values.Remove(key); }
        return values.ToJsonString();
    }
}
