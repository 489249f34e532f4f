using Ctwa.TestKit.Processes;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>A folder that goes with the test, with jobs and runs in it.</summary>
internal sealed class Workplace : IDisposable
{
    /// <summary>Trait of tests that take more than half a minute; they run by default.</summary>
    public const string Long = "Long";

    public string Folder { get; } = Directory.CreateTempSubdirectory("ctwa-e2e-").FullName;

    public string PathOf(string name) => Path.Combine(Folder, name);

    public RunFolder Run(string name) => new(PathOf(name));

    /// <summary>Writes a file and returns its full path.</summary>
    public string Write(string name, string text)
    {
        string path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Runs a job to its success with the real executable.</summary>
    public async Task<RunFolder> TrainAsync(string job, string run, params string[] options)
    {
        Succeeded(await CtwaProcess.RunAsync(Folder, ["train", job, "--output", PathOf(run), .. options]));
        return Run(run);
    }

    /// <summary>Runs a job to its success in this process without a grid.</summary>
    public async Task<RunFolder> TrainLocallyAsync(string job, string run)
    {
        var read = JobSpecReader.Read(job, []);
        Assert.True(read.Spec is not null, string.Join('\n', read.Errors));
        using var directory = RunDirectory.Open(PathOf(run), resume: false);
        Assert.Equal(RunOutcome.Finished, await LocalTrainer.RunAsync(PreparedJob.Prepare(read.Spec, directory.Path), directory, new Silence()));
        return Run(run);
    }

    /// <summary>Continues a run to its success in this process without a grid.</summary>
    public async Task ResumeLocallyAsync(RunFolder run)
    {
        var read = JobSpecReader.Read(Path.Combine(run.FullPath, "job.yaml"), []);
        Assert.True(read.Spec is not null, string.Join('\n', read.Errors));
        using var directory = RunDirectory.Open(run.FullPath, resume: true);
        Assert.Equal(RunOutcome.Finished, await LocalTrainer.RunAsync(PreparedJob.Prepare(read.Spec, directory.Path), directory, new Silence()));
    }

    public static void Succeeded(CtwaResult result) => Assert.True(result.ExitCode == 0, result.ToString());

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private sealed class Silence : ITrainingObserver
    {
        public void Message(string text) { }

        public void Warning(string text) { }

        public void Metrics(TrainingStage stage, string json) { }

        public void Checkpoint(TrainingStage stage, int step, string path) { }

        public void Summary(string json) { }
    }
}
