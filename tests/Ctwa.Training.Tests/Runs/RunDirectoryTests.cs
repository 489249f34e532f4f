using System.Diagnostics;
using Ctwa.Training.Runs;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Runs;

public sealed class RunDirectoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Fact]
    public void A_run_that_is_open_refuses_a_second_owner_and_names_the_first()
    {
        string path = Path.Combine(_folder, "run");
        using (RunDirectory.Open(path, resume: false))
        {
            var error = Assert.Throws<RunDirectoryException>(() => RunDirectory.Open(path, resume: false));
            Assert.Equal($"run directory '{path}' is in use by process {Environment.ProcessId} on {Environment.MachineName}; wait for it to end, stop it, or choose another --output.", error.Message);
        }

        RunDirectory.Open(path, resume: false).Dispose();
    }

    [Fact]
    public void A_run_that_another_process_holds_is_refused_until_that_process_dies()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/flock"), "util-linux's flock is not installed.");
        string path = Path.Combine(_folder, "run");
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "run.lock.holder"), "process 4711 on elsewhere\n");
        using var holder = Process.Start(new ProcessStartInfo("/usr/bin/flock", ["--no-fork", Path.Combine(path, "run.lock"), "sh", "-c", "echo held; exec sleep 60"]) { RedirectStandardOutput = true })!;
        Assert.Equal("held", holder.StandardOutput.ReadLine());
        var error = Assert.Throws<RunDirectoryException>(() => RunDirectory.Open(path, resume: false));
        Assert.Contains("in use by process 4711 on elsewhere", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("cannot be written", error.Message, StringComparison.Ordinal);

        holder.Kill(entireProcessTree: true);
        holder.WaitForExit();
        RunDirectory.Open(path, resume: false).Dispose();
    }

    [Theory]
    [InlineData("metrics.jsonl", false)]
    [InlineData("checkpoints", true)]
    [InlineData("scores", true)]
    public void A_new_run_does_not_start_over_another(string name, bool isFolder)
    {
        string path = Path.Combine(_folder, name);
        if (isFolder) { Directory.CreateDirectory(path); } else { File.WriteAllText(path, ""); }
        var error = Assert.Throws<RunDirectoryException>(() => RunDirectory.Open(_folder, resume: false));
        Assert.Equal($"run directory '{_folder}' already holds a run; continue it with --resume {_folder}, or choose another --output.", error.Message);
    }

    [Fact]
    public void A_folder_without_a_run_cannot_be_resumed_and_is_not_created()
    {
        string path = Path.Combine(_folder, "none");
        var error = Assert.Throws<RunDirectoryException>(() => RunDirectory.Open(path, resume: true));
        Assert.Contains("holds no run to resume (no job.yaml)", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(path));
    }

    [Theory]
    [InlineData("file/run")]
    [InlineData("file")]
    [InlineData("/proc/ctwa-run")]
    public void A_place_that_cannot_hold_a_folder_is_one_clear_error(string place)
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "not a folder");
        string path = Path.Combine(_folder, place);
        var error = Assert.Throws<RunDirectoryException>(() => RunDirectory.Open(path, resume: false));
        Assert.StartsWith($"run directory '{path}' cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Choose a writable --output with free space.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_read_only_folder_is_one_clear_error()
    {
        using var disk = new TemporaryMount(1 << 16);
        disk.Remount("ro");
        var error = Assert.Throws<RunDirectoryException>(() => RunDirectory.Open(Path.Combine(disk.Path, "run"), resume: false));
        Assert.Contains("Read-only file system", error.Message, StringComparison.Ordinal);
        Assert.Contains("Choose a writable --output", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncation_keeps_the_lines_and_samples_up_to_a_step_and_drops_a_torn_line()
    {
        using var run = RunDirectory.Open(_folder, resume: false);
        string[] lines =
        [
            """{"stage":"supervised","step":9,"x":1}""", """{"stage":"rl","step":0,"x":2}""", """{"stage":"rl","step":1,"x":3}""",
            """{"stage":"rl","step":2,"x":4}""", """{"stage":"rl","step":10,"x":5}""", """{"stage":"rl","step":1""",
        ];
        foreach (string line in lines[..5]) { run.AppendMetrics(line); }
        File.AppendAllText(Path.Combine(_folder, "metrics.jsonl"), lines[5]);
        foreach (int step in (int[])[1, 2, 10]) { run.WriteSamples(TrainingStage.Rl, step, []); }
        run.WriteSamples(TrainingStage.Supervised, 9, []);
        run.WriteSummary("{}");

        run.TruncateTo(TrainingStage.Rl, 1);
        Assert.Equal(lines[..3], File.ReadAllLines(Path.Combine(_folder, "metrics.jsonl")));
        Assert.Equal(["step-000001.jsonl", "supervised-000009.jsonl"], Directory.GetFiles(Path.Combine(_folder, "samples")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.False(File.Exists(Path.Combine(_folder, "summary.json")));

        run.TruncateTo(TrainingStage.Supervised, 8);
        Assert.Empty(File.ReadAllLines(Path.Combine(_folder, "metrics.jsonl")));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "samples")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
