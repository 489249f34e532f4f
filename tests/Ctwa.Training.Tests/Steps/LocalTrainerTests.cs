using System.Text.Json;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

public sealed class LocalTrainerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Fact]
    public async Task A_run_ends_with_a_checkpoint_metrics_and_a_summary()
    {
        var recorder = await RunAsync(TinyJobs.Arithmetic(), "a");
        Assert.Contains("model_sha256", recorder.LastSummary, StringComparison.Ordinal);
        Assert.Equal(4 + 1 + 3, File.ReadLines(Path.Combine(_folder, "a", "metrics.jsonl")).Count());
        foreach (string line in File.ReadLines(Path.Combine(_folder, "a", "metrics.jsonl")))
        {
            using var document = JsonDocument.Parse(line);
            Assert.True(document.RootElement.TryGetProperty("step", out _));
        }
    }

    [Fact]
    public async Task The_same_job_gives_the_same_weights()
    {
        await RunAsync(TinyJobs.Arithmetic(), "a");
        await RunAsync(TinyJobs.Arithmetic(), "b");
        Assert.Equal(ModelHash("a"), ModelHash("b"));
    }

    [Fact]
    public async Task The_number_of_slices_does_not_change_the_weights_while_nothing_is_clipped()
    {
        var job = TinyJobs.Arithmetic(hidden: 72, vocabulary: 131);
        job = job with { Optimizer = job.Optimizer with { GradClip = 0 }, WarmStart = job.WarmStart! with { Optimizer = job.WarmStart.Optimizer with { GradClip = 0 } } };
        await RunAsync(job, "a");
        await RunAsync(job with { Grid = job.Grid with { Slices = 5 } }, "b");
        Assert.Equal(ModelHash("a"), ModelHash("b"));
    }

    [Fact]
    public async Task Native_tensor_count_is_flat_over_twenty_steps()
    {
        var counts = new List<long>();
        await RunAsync(TinyJobs.Arithmetic(steps: 20, warmStartSteps: 0), "a", onStep: () => counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount));
        Assert.Equal(21, counts.Count);
        Assert.True(counts[^1] <= counts[3], $"live tensors: {string.Join(", ", counts)}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string ModelHash(string run) => CheckpointStore.Hash(Path.Combine(new CheckpointStore(Path.Combine(_folder, run, "checkpoints")).Complete()[^1], "model.safetensors"));

    private async Task<RecordingObserver> RunAsync(JobSpec spec, string name, Action? onStep = null)
    {
        string path = Path.Combine(_folder, name);
        using var run = RunDirectory.Open(path, resume: false);
        var observer = new RecordingObserver(onStep);
        Assert.Equal(RunOutcome.Finished, await LocalTrainer.RunAsync(PreparedJob.Prepare(spec, path), run, observer));
        return observer;
    }
}
