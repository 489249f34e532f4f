using Ctwa.Client.Commands;
using Xunit;

namespace Ctwa.Client.Tests.Comparison;

public sealed class ComparisonPlanTests : IDisposable
{
    private readonly CompareFolder place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("3", "1 2 3")]
    [InlineData("1,5,7", "1 5 7")]
    [InlineData("5,", "5")]
    [InlineData("0", null)]
    [InlineData("1,1", null)]
    [InlineData("a", null)]
    [InlineData("-1,2", null)]
    [InlineData("", null)]
    public void Seeds_are_a_count_or_a_list(string text, string? seeds) => Assert.Equal(seeds, CompareOptions.ReadSeeds(text) is { } read ? string.Join(' ', read) : null);

    [Fact]
    public void Every_job_runs_with_every_seed_and_equal_warm_starts_are_made_once_per_seed()
    {
        var plan = place.Plan(place.Options(place.Job("one", "method: linear"), place.Job("two", "method: ctwa")));
        Assert.Equal(["one-seed-1", "two-seed-1", "one-seed-2", "two-seed-2"], plan.Runs.Select(run => Path.GetFileName(run.Folder)));
        Assert.Equal([1L, 1, 2, 2], plan.Runs.Select(run => run.Job.Spec.Seed));
        Assert.Equal(["warm-start-seed-1", "warm-start-seed-2"], plan.WarmStarts.Select(stage => Path.GetFileName(stage.Folder)));
        Assert.Equal([1L, 1, 2, 2], plan.Runs.Select(run => run.WarmStart!.Seed));
        Assert.All(plan.WarmStarts, stage => Assert.Equal((0, 5), (stage.Job.Spec.Schedule.Steps, stage.Job.Spec.WarmStart!.Steps)));
    }

    [Fact]
    public void A_warm_start_that_nobody_shares_is_left_to_its_run()
    {
        var options = place.Options(place.Job("one", "method: linear"), place.Write("two.yaml", JobText.Valid)) with { AllowDifferent = true };
        var plan = place.Plan(options);
        Assert.Empty(plan.WarmStarts);
        Assert.All(plan.Runs, run => Assert.Null(run.WarmStart));
    }

    [Fact]
    public void Overrides_and_steps_hold_for_every_job()
    {
        var plan = place.Plan(place.Options(place.Job("one", "method: linear"), place.Job("two", "method: ctwa")) with { Steps = 9, Set = ["rollout.temperature=0.5"] });
        Assert.All(plan.Runs, run => Assert.Equal((9, 0.5), (run.Job.Spec.Schedule.Steps, run.Job.Spec.Rollout.Temperature)));
    }

    [Fact]
    public void Jobs_that_differ_in_more_than_the_method_are_refused_unless_that_is_asked_for()
    {
        var options = place.Options(place.Job("one", "method: linear"), place.Job("two", "method: ctwa", "loss: { clip_low: 0.5 }\noptimizer: { learning_rate: 0.1 }"));
        var failure = Assert.Throws<CommandFailure>(() => place.Plan(options));
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
        Assert.Contains("loss.clip_low is 0.5 in two, 0.2 in one", failure.Message, StringComparison.Ordinal);
        Assert.Contains("optimizer.learning_rate is 0.1 in two, 1E-06 in one", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--allow-different", failure.Message, StringComparison.Ordinal);
        Assert.Equal(2, place.Plan(options with { AllowDifferent = true }).Differences.Count);
    }

    [Fact]
    public void All_errors_of_all_jobs_are_told_at_once()
    {
        string unmeasured = place.Job("three", "method: linear");
        var failure = Assert.Throws<CommandFailure>(() => place.Plan(place.Options(place.Job("one", "method: liner"), place.Job("two", "method: ctwa, floor: 2"), unmeasured) with { Set = ["schedule.validate_every=0"] }));
        Assert.Contains("liner", failure.Message, StringComparison.Ordinal);
        Assert.Contains("floor", failure.Message, StringComparison.Ordinal);
        Assert.Contains("schedule.validate_every is 0", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_jobs_of_one_file_name_are_refused()
    {
        Directory.CreateDirectory(Path.Combine(place.Folder, "sub"));
        var failure = Assert.Throws<CommandFailure>(() => place.Plan(place.Options(place.Job("one", "method: linear"), place.Job("sub/one", "method: ctwa"))));
        Assert.Contains("two jobs have the file name 'one'", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "no job: give job files")]
    [InlineData("a.yaml --seeds 0", "--seeds is '0'")]
    [InlineData("a.yaml --steps 0", "--steps is 0")]
    [InlineData("a.yaml --parallel 0", "--parallel is 0")]
    [InlineData("a.yaml --set seed=3", "seeds are given with --seeds")]
    [InlineData("a.yaml --set steps", "write KEY=VALUE")]
    [InlineData("a.yaml --document none.md", "none.md does not exist")]
    [InlineData("none.yaml", "no such file")]
    public async Task Wrong_options_are_named_and_nothing_starts(string arguments, string message)
    {
        var (code, output, error) = await Commands.CtwaCommandTests.RunAsync(["compare", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--output", place.Output]);
        Assert.Equal((ExitCodes.BadInput, ""), (code, output));
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(place.Output));
    }

    [Fact]
    public void The_command_that_continues_names_a_whole_folder_by_its_pattern()
    {
        var options = place.Options(place.Job("one", "method: linear"), place.Job("two", "method: ctwa")) with { Steps = 3, Parallel = 2, Set = ["a=[1, 2]"] };
        Assert.EndsWith($" compare {place.Folder}/*.yaml --seeds 2 --steps 3 --set 'a=[1, 2]' --parallel 2 --output {place.Output}", options.CommandLine(), StringComparison.Ordinal);
        Assert.Contains($" compare {options.Jobs[0]} --seeds", (options with { Jobs = [options.Jobs[0]] }).CommandLine(), StringComparison.Ordinal);
    }
}
