using Ctwa.Grains.Abstractions;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Grains.Tests.Rewards;

/// <summary>Graders outside this code on the grid: the same bits as without it, and nothing that the administrator has not allowed.</summary>
public sealed class GraderGridTests : IDisposable
{
    private readonly GridJobs _jobs = new();

    private string Grader(string body)
    {
        Assert.SkipWhen(ProgramPath.Find("python3") is null, "there is no python3 on the PATH.");
        string path = Path.Combine(_jobs.Folder, "grader.py");
        File.WriteAllText(path, "#!/usr/bin/env python3\nimport json, os, sys\nfor line in sys.stdin:\n    item = json.loads(line)\n" + body);
        if (!OperatingSystem.IsWindows()) { File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute); }
        return path;
    }

    private JobSpec Job(Func<JobSpec, JobSpec> change) => JobInspector.WithAbsolutePaths(change(_jobs.Read(ExactnessJobs.Create("linear", odd: true))), _jobs.Folder);

    [Fact]
    public async Task A_program_and_a_model_give_the_same_bits_with_and_without_a_grid()
    {
        string grader = Grader("    print(json.dumps({'id': item['id'], 'scores': [len(item['response']) / 10, sum(map(ord, item['response'])) % 7 / 7]}), flush=True)\n");
        string classifier = Directory.CreateDirectory(Path.Combine(_jobs.Folder, "classifier")).FullName;
        ClassifierFolder.Write(classifier, labels: 1);
        var spec = Job(job => job with
        {
            RewardModels = [new RewardModelSpec { Name = "script", Reward = new ProcessRewardSpec { Command = [grader], Workers = 2, BatchSize = 3 }, Timeout = "30s" }],
            Objectives =
            [
                job.Objectives[0] with { Reward = new SharedRewardSpec { Source = "script", Index = 1 } },
                job.Objectives[1] with { Reward = new ModelRewardSpec { Path = classifier, Activation = ScoreActivation.Sigmoid, BatchTokens = 64 }, OnFailure = FailurePolicy.Substitute, SubstituteScore = 0.25 }, // The classifier's tokenizer has no U+FFFD.
                job.Objectives[2] with { Reward = new SharedRewardSpec { Source = "script", Index = 0 } },
            ],
        });
        await _jobs.RequireGridEqualsLocalAsync(spec, TestContext.Current.CancellationToken, rewards: new RewardPolicy { Programs = [grader] });
    }

    [Fact]
    public async Task A_closed_silo_refuses_at_submission_lists_all_and_touches_nothing()
    {
        string grader = Grader("    open('started', 'w')\n");
        var spec = Job(job => job with
        {
            Objectives =
            [
                job.Objectives[0] with { Reward = new ProcessRewardSpec { Command = [grader] } },
                job.Objectives[1] with { Reward = new HttpRewardSpec { Url = "https://grader.example.org/", TokenEnv = "SOME_TOKEN" } },
                job.Objectives[2],
            ],
        });
        await using var silo = await TestSilo.StartAsync(lanes: 1);
        var refused = await silo.Grains.GetGrain<ICoordinatorGrain>("job").Submit(_jobs.Submission(spec, "run"), TestContext.Current.CancellationToken);
        Assert.Equal(JobFailureKind.BadInput, refused!.Kind);
        string[] lines = refused.Message.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Contains($"--allow-program {grader}.", lines[0], StringComparison.Ordinal);
        Assert.Contains("--allow-host grader.example.org:443.", lines[1], StringComparison.Ordinal);
        Assert.Contains("--allow-secret SOME_TOKEN.", lines[2], StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_jobs.Folder, "run")));
        Assert.False(File.Exists(Path.Combine(_jobs.Folder, "started")));
    }

    [Fact]
    public async Task A_token_that_the_silo_does_not_have_is_bad_input_before_any_weight_is_loaded()
    {
        var spec = Job(job => job with { Objectives = [job.Objectives[0] with { Reward = new HttpRewardSpec { Url = "https://grader.example.org/", TokenEnv = "CTWA_TEST_ABSENT" } }, job.Objectives[1], job.Objectives[2]] });
        await using var silo = await TestSilo.StartAsync(lanes: 1, RewardPolicy.Open);
        var coordinator = silo.Grains.GetGrain<ICoordinatorGrain>("job");
        Assert.Null(await coordinator.Submit(_jobs.Submission(spec, "run"), TestContext.Current.CancellationToken));
        var (end, events) = await GridJobs.WatchAsync(coordinator, TestContext.Current.CancellationToken);
        Assert.Equal((JobStatus.Failed, JobFailureKind.BadInput), (end.Status, end.Failure!.Kind));
        Assert.Contains("CTWA_TEST_ABSENT, which is not set", end.Failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(events, one => one.Kind == JobEventKind.SupervisedStep);
    }

    public void Dispose() => _jobs.Dispose();
}
