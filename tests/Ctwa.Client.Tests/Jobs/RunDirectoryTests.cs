using Ctwa.Client.Jobs;
using Xunit;

namespace Ctwa.Client.Tests.Jobs;

public sealed class RunDirectoryTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 4, 5, 6, 7, TimeSpan.FromHours(2));
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-run-directory-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_new_run_is_named_after_its_job_and_the_time()
    {
        var run = RunDirectory.CreateNew("arithmetic", folder, Now);
        Assert.Equal(Path.Combine(folder, "runs", "arithmetic-20260304-050607"), run.FullPath);
        Assert.Equal("arithmetic-20260304-050607", run.JobId);
        Assert.Equal("runs/arithmetic-20260304-050607", run.Display());
        Assert.True(Directory.Exists(run.FullPath));
    }

    [Fact]
    public async Task Runs_started_in_the_same_second_get_different_directories()
    {
        var runs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => RunDirectory.CreateNew("a", folder, Now))));
        Assert.Equal(8, runs.Select(r => r.FullPath).Distinct().Count());
    }

    [Fact]
    public void A_named_directory_may_be_new_empty_or_hold_the_log_of_a_failed_start()
    {
        string path = Path.Combine(folder, "x", "y");
        File.WriteAllText(RunDirectory.CreateAt(path, folder).LogPath, "no such luck");
        Assert.Equal(path, RunDirectory.CreateAt("x/y/", folder).FullPath);
        Assert.Equal("y", RunDirectory.CreateAt("x/y/", folder).JobId);
    }

    [Fact]
    public void A_named_directory_that_holds_a_run_is_refused_with_the_way_to_continue_it()
    {
        File.WriteAllText(Path.Combine(folder, "job.yaml"), "");
        var failure = Assert.Throws<CommandFailure>(() => RunDirectory.CreateAt(folder, Path.GetTempPath()));
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
        Assert.Contains("is not empty (it holds job.yaml)", failure.Message, StringComparison.Ordinal);
        Assert.Contains("ctwa train --resume " + Path.GetFileName(folder), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_a_storage_failure()
    {
        string file = Path.Combine(folder, "file");
        File.WriteAllText(file, "");
        Assert.Equal(ExitCodes.StorageFailed, Assert.Throws<CommandFailure>(() => RunDirectory.CreateAt(Path.Combine(file, "run"), folder)).ExitCode);
        File.WriteAllText(Path.Combine(folder, "runs"), "");
        Assert.Equal(ExitCodes.StorageFailed, Assert.Throws<CommandFailure>(() => RunDirectory.CreateNew("a", folder, Now)).ExitCode);
    }

    [Fact]
    public void Only_a_folder_with_a_job_can_be_resumed()
    {
        var missing = Assert.Throws<CommandFailure>(() => RunDirectory.Open("nowhere", folder));
        Assert.Contains("no such folder", missing.Message, StringComparison.Ordinal);
        var empty = Assert.Throws<CommandFailure>(() => RunDirectory.Open(".", folder));
        Assert.Contains("no job.yaml", empty.Message, StringComparison.Ordinal);
        Assert.Equal([ExitCodes.BadInput, ExitCodes.BadInput], [missing.ExitCode, empty.ExitCode]);
    }

    [Fact]
    public void Paths_are_quoted_for_the_shell_when_they_need_it()
    {
        var run = RunDirectory.CreateAt("it's here", folder);
        Assert.Equal("ctwa train --resume 'it'\\''s here'", run.ResumeCommand);
    }
}
