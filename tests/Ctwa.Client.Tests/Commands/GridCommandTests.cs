using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ctwa.Client.Commands;
using Ctwa.Client.Grid;
using Ctwa.Client.Supervision;
using Ctwa.Client.Tests.Grid;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Client.Tests.Commands;

/// <summary>The verbs of a grid's jobs.</summary>
public sealed class GridCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-grid-command-").FullName;
    private readonly StopSignals signals = new();
    private readonly ShownOutput shown = new();
    private readonly StringWriter output = new();

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_job_is_checked_completely_before_anybody_is_asked()
    {
        string broken = Write("broken.yaml", JobText.Valid.Replace("name: tiny", "nmae: tiny", StringComparison.Ordinal).Replace("kind: math_boxed", "kind: math_box", StringComparison.Ordinal));
        var failure = Assert.Throws<CommandFailure>(() => SubmitCommand.Request(new TrainOptions { Job = broken }, 0, folder));
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
        Assert.Contains("nmae", failure.Message, StringComparison.Ordinal);
        Assert.Contains("math_boxed", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--priority is 101", Assert.Throws<CommandFailure>(() => SubmitCommand.Request(new TrainOptions { Job = broken }, 101, folder)).Message, StringComparison.Ordinal);
        using (var stream = File.Create(Path.Combine(folder, "huge.yaml"))) { stream.SetLength(1L << 30); }
        Assert.Contains("longer than 256 KB", Assert.Throws<CommandFailure>(() => SubmitCommand.Request(new TrainOptions { Job = Path.Combine(folder, "huge.yaml") }, 0, folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_says_where_the_run_goes_and_what_is_resumed()
    {
        string job = Write("job.yaml", JobText.Valid);
        var plain = SubmitCommand.Request(new TrainOptions { Job = job, Set = ["schedule.steps=7"] }, 3, folder);
        Assert.Equal((null, folder, 3, false), (plain.RunDirectory, plain.Folder, plain.Priority, plain.Resume));
        Assert.Equal(7, JobSpecJson.Deserialize(plain.SpecJson).Schedule.Steps);
        Assert.Equal(Path.Combine(folder, "out"), SubmitCommand.Request(new TrainOptions { Job = job, Output = "out/" }, 0, folder).RunDirectory);

        Directory.CreateDirectory(Path.Combine(folder, "run"));
        Write("run/job.yaml", JobText.Valid);
        var resumed = SubmitCommand.Request(new TrainOptions { Resume = "run" }, 0, folder);
        Assert.Equal((Path.Combine(folder, "run"), true), (resumed.RunDirectory, resumed.Resume));
        string other = Write("other.yaml", JobText.Valid + "\nseed: 5\n");
        Assert.Contains("is not the job of", Assert.Throws<CommandFailure>(() => SubmitCommand.Request(new TrainOptions { Job = other, Resume = "run" }, 0, folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Submit_prints_the_id_and_is_done()
    {
        var grid = Accepting();
        Assert.Equal(ExitCodes.Success, await SubmitAsync(grid, wait: false));
        Assert.Equal("tiny-1\n", output.ToString());
        Assert.Equal(["submit 3"], grid.Asked);
    }

    [Fact]
    public async Task A_lost_answer_is_asked_for_again_with_the_same_request()
    {
        var requests = new List<JobRequest>();
        var grid = new FakeJobGrid();
        grid.Accept = request =>
        {
            requests.Add(request);
            return requests.Count < 3 ? throw new TimeoutException() : new JobAcceptance(FakeJobGrid.Record(JobState.Queued), null);
        };
        Assert.Equal(ExitCodes.Success, await SubmitAsync(grid, wait: false));
        Assert.Equal(3, requests.Count);
        Assert.Single(requests.Distinct());
    }

    [Fact]
    public async Task A_refused_job_is_told_with_everything_that_is_wrong()
    {
        var grid = new FakeJobGrid { Accept = _ => new JobAcceptance(null, new JobFailure(JobFailureKind.BadInput, "model.path: ...\ndata.train.path: ...")) };
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => SubmitAsync(grid, wait: true));
        Assert.Equal((ExitCodes.BadInput, "the grid refused the job; nothing was queued\nmodel.path: ...\ndata.train.path: ..."), (failure.ExitCode, failure.Message));
    }

    [Theory]
    [InlineData(JobState.Succeeded, ExitCodes.Success)]
    [InlineData(JobState.Paused, ExitCodes.JobHalted)]
    [InlineData(JobState.Cancelled, ExitCodes.JobHalted)]
    public async Task Waiting_ends_with_what_became_of_the_job(JobState state, int code)
    {
        var grid = Accepting();
        grid.Job = n => FakeJobGrid.Record(n < 3 ? JobState.Queued : state);
        Assert.Equal(code, await SubmitAsync(grid, wait: true));
        Assert.True(shown.Closed);
        if (code == ExitCodes.JobHalted) { Assert.Contains("continue it with: ctwa resume tiny-1", shown.Lines[^1], StringComparison.Ordinal); }
    }

    [Theory]
    [InlineData(JobFailureKind.Reward, ExitCodes.RewardFailed)]
    [InlineData(JobFailureKind.Numeric, ExitCodes.NumericFailure)]
    [InlineData(JobFailureKind.Storage, ExitCodes.StorageFailed)]
    [InlineData(JobFailureKind.Memory, ExitCodes.OutOfMemory)]
    public async Task A_failed_job_ends_the_command_as_it_would_train(JobFailureKind kind, int code)
    {
        var grid = Accepting();
        grid.Job = _ => FakeJobGrid.Record(JobState.Failed, new JobFailure(kind, "it went wrong"));
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => SubmitAsync(grid, wait: true));
        Assert.Equal((code, "it went wrong\nrun directory: /runs/tiny-1\nresume with: ctwa resume tiny-1"), (failure.ExitCode, failure.Message));
    }

    [Fact]
    public async Task A_signal_ends_the_watching_and_not_the_job()
    {
        var grid = Accepting();
        grid.Job = n =>
        {
            if (n == 4) { signals.Raise(PosixSignal.SIGINT); }
            return FakeJobGrid.Record(JobState.Queued);
        };
        Assert.Equal(ExitCodes.Interrupted, await SubmitAsync(grid, wait: true));
        Assert.Contains("the job goes on. Watch it with: ctwa watch tiny-1", shown.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(["submit 3"], grid.Asked);
    }

    [Theory]
    [InlineData(true, ExitCodes.JobHalted, "tiny-1 is cancelled", "cancel tiny-1")]
    [InlineData(false, ExitCodes.Interrupted, "the job goes on", "")]
    public async Task Ctrl_C_asks_whether_the_job_is_to_be_cancelled_too(bool answer, int code, string note, string asked)
    {
        var grid = Accepting();
        grid.Job = n =>
        {
            if (n == 4) { signals.Raise(PosixSignal.SIGINT); }
            return FakeJobGrid.Record(JobState.Queued);
        };
        var seen = new SubmitCommand.Submission(Json: false, null, (jobId, _) => Task.FromResult(answer && jobId == "tiny-1"));
        Assert.Equal(code, await SubmitCommand.RunAsync(Access(grid), new JobRequest("{}", null, folder, 3, false, "r"), wait: true, signals, output, _ => shown, seen));
        Assert.Contains(note, shown.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(asked.Length > 0 ? ["submit 3", asked] : ["submit 3"], grid.Asked);
    }

    [Fact]
    public async Task SIGTERM_asks_nobody()
    {
        var grid = Accepting();
        grid.Job = n =>
        {
            if (n == 4) { signals.Raise(PosixSignal.SIGTERM); }
            return FakeJobGrid.Record(JobState.Queued);
        };
        var seen = new SubmitCommand.Submission(Json: false, null, (_, _) => throw new InvalidOperationException("asked"));
        Assert.Equal(ExitCodes.Terminated, await SubmitCommand.RunAsync(Access(grid), new JobRequest("{}", null, folder, 3, false, "r"), wait: true, signals, output, _ => shown, seen));
    }

    [Fact]
    public async Task Cancelling_asks_at_a_terminal_and_wants_yes_where_there_is_none()
    {
        var grid = new FakeJobGrid { Job = _ => FakeJobGrid.Record(JobState.Running) with { Position = new JobPosition(false, 3), StepsTotal = 9, SubmittedBy = "alice" } };
        var refused = await Assert.ThrowsAsync<CommandFailure>(() => CancelCommand.RunAsync(Access(grid), "tiny-1", yes: false, ask: null, output));
        Assert.Equal((ExitCodes.BadInput, "cancel asks before it ends a job, and there is no terminal to ask at; give --yes."), (refused.ExitCode, refused.Message));
        var questions = new List<string>();
        Task<bool> Answer(string question, bool yes)
        {
            questions.Add(question);
            return Task.FromResult(yes);
        }

        Assert.Equal(ExitCodes.Interrupted, await CancelCommand.RunAsync(Access(grid), "tiny-1", yes: false, question => Answer(question, false), output));
        Assert.Empty(grid.Asked);
        Assert.Equal("Cancel tiny-1 (running, step 3/9, submitted by alice) on 10.0.0.5:30000, cluster c?", Assert.Single(questions));
        Assert.Equal(ExitCodes.Success, await CancelCommand.RunAsync(Access(grid), "tiny-1", yes: false, question => Answer(question, true), output));
        Assert.Equal(ExitCodes.Success, await CancelCommand.RunAsync(Access(grid), "tiny-1", yes: true, ask: null, output));
        Assert.Equal(["cancel tiny-1", "cancel tiny-1"], grid.Asked);
        Assert.Equal("tiny-1 was left as it is\ntiny-1 ends after a checkpoint; ctwa resume tiny-1 would continue it\ntiny-1 ends after a checkpoint; ctwa resume tiny-1 would continue it\n", output.ToString());
        // What has ended needs no question: the grid says what there is to say.
        grid.Job = _ => FakeJobGrid.Record(JobState.Succeeded);
        grid.Act = () => new JobFailure(JobFailureKind.BadInput, "it has ended");
        Assert.Equal("it has ended", (await Assert.ThrowsAsync<CommandFailure>(() => CancelCommand.RunAsync(Access(grid), "tiny-1", yes: false, question => Answer(question, false), output))).Message);
    }

    [Fact]
    public async Task Silos_are_listed_over_all_pages_as_a_table_and_as_JSON()
    {
        var grid = new FakeJobGrid
        {
            Silos =
            [
                new SiloOverview("10.0.0.1:1@5", SiloCondition.Active) { Computes = true, Device = "cuda H100\e[31m", Lanes = 2, MemoryBytes = 80L << 30, StartedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), Jobs = ["a", "b"], Version = "0.1.0" },
                new SiloOverview("10.0.0.2:1@5", SiloCondition.Draining) { Device = "cpu x", Lanes = 1, MemoryBytes = 512L << 20, StartedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), Version = "0.1.0" },
                new SiloOverview("10.0.0.3:1@5", SiloCondition.Silent),
            ],
        };
        await SilosCommand.RunAsync(Access(grid), json: false, output);
        Assert.Equal(
            """
            address       state     role     lanes  memory   since (UTC)          version  device          jobs
            10.0.0.1:1@5  active    compute  2      80 GiB   2026-01-02 03:04:05  0.1.0    cuda H100?[31m  a b
            10.0.0.2:1@5  draining  control  1      512 MiB  2026-01-02 03:04:05  0.1.0    cpu x           -
            10.0.0.3:1@5  silent    -        -      -        -                    -        -               -
            3 silos, 2 lanes for shards

            """,
            output.ToString(),
            ignoreLineEndingDifferences: true);
        output.GetStringBuilder().Clear();
        await SilosCommand.RunAsync(Access(grid), json: true, output);
        using var document = JsonDocument.Parse(output.ToString());
        var silos = document.RootElement.GetProperty("silos");
        Assert.Equal((3, 80L << 30, "draining", "control"), (silos.GetArrayLength(), silos[0].GetProperty("memory_bytes").GetInt64(), silos[1].GetProperty("state").GetString(), silos[1].GetProperty("role").GetString()));
        Assert.Equal((JsonValueKind.Null, 0), (silos[2].GetProperty("device").ValueKind, silos[2].GetProperty("jobs").GetArrayLength()));
    }

    [Fact]
    public async Task A_grid_that_is_not_there_is_named()
    {
        var grid = new FakeJobGrid { Connecting = token => Task.Delay(Timeout.Infinite, token) };
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => JobsCommand.RunAsync(Access(grid), json: false, quota: null, output));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.StartsWith("the grid at 10.0.0.5:30000, cluster c has not answered for", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("t0k3n", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_by_the_grids_guard_has_its_own_exit_code()
    {
        var grid = new FakeJobGrid { Act = () => throw new GridAccessException("refused: 'tv' has the role read, and this needs admin.") };
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => JobsCommand.RunAsync(Access(grid), json: false, quota: 2, output));
        Assert.Equal((ExitCodes.AccessDenied, "refused: 'tv' has the role read, and this needs admin."), (failure.ExitCode, failure.Message));
    }

    [Fact]
    public async Task Jobs_are_listed_over_all_pages_as_a_table_and_as_JSON()
    {
        var grid = new FakeJobGrid
        {
            Jobs =
            [
                FakeJobGrid.Record(JobState.Succeeded) with { JobId = "a", Position = new JobPosition(false, 9), StepsTotal = 9 },
                FakeJobGrid.Record(JobState.Failed, new JobFailure(JobFailureKind.Reward, "it \"went\" wrong")) with { JobId = "b", Number = 2, SubmittedBy = "alice" },
                FakeJobGrid.Record(JobState.Running) with { JobId = "c", Number = 3, Priority = 5, Position = new JobPosition(true, 4), StepsTotal = 20, Epoch = 7, Peers = ["S10.0.0.1:1:2"] },
            ],
        };
        await JobsCommand.RunAsync(Access(grid), json: false, quota: null, output);
        Assert.Equal(
            """
            id  state            step             priority  by     submitted (UTC)
            a   succeeded        9/9                     0  local  2026-01-02 03:04:05
            b   failed (reward)  -                       0  alice  2026-01-02 03:04:05
            c   running          supervised 4/20         5  local  2026-01-02 03:04:05
            1 running, 1 succeeded, 1 failed; 1 at a time
            """,
            output.ToString().TrimEnd(),
            ignoreAllWhiteSpace: true);
        output.GetStringBuilder().Clear();
        await JobsCommand.RunAsync(Access(grid), json: true, quota: null, output);
        using (var document = JsonDocument.Parse(output.ToString()))
        {
            var jobs = document.RootElement.GetProperty("jobs");
            Assert.Equal((3, 1), (jobs.GetArrayLength(), document.RootElement.GetProperty("quota").GetInt32()));
            Assert.Equal(("reward", "it \"went\" wrong"), (jobs[1].GetProperty("failure").GetProperty("kind").GetString(), jobs[1].GetProperty("failure").GetProperty("message").GetString()));
            Assert.Equal((7, "S10.0.0.1:1:2"), (jobs[2].GetProperty("epoch").GetInt32(), jobs[2].GetProperty("silos")[0].GetString()));
        }

        output.GetStringBuilder().Clear();
        await JobsCommand.RunAsync(Access(new FakeJobGrid()), json: false, quota: null, output);
        Assert.Equal("no jobs\n", output.ToString());
    }

    [Theory]
    [InlineData("", "--cluster-id is missing; give the name of the grid, or set CTWA_CLUSTER_ID.\nwhere is the grid? Give --redis HOST:PORT (or set CTWA_REDIS), or --gateway HOST:PORT of one silo, or name one once with ctwa context add.")]
    [InlineData("--redis h:1 --gateway 127.0.0.1:2 --cluster-id c", "--redis and --gateway exclude each other; give one of them.")]
    [InlineData("--redis h:99999 --cluster-id c", "--redis has the port '99999'; accepted is a number from 1 to 65535.")]
    [InlineData("--redis redis://u:password@h:1 --cluster-id c", "--redis holds a password")]
    [InlineData("--gateway 127.0.0.1:0 --cluster-id c", "--gateway is '127.0.0.1:0'; accepted is HOST:PORT with a port from 1 to 65535.")]
    [InlineData("--gateway 127.0.0.1:1 --cluster-id c --tls-ca /none", "--tls-ca is '/none', and there is no such file.")]
    [InlineData("--gateway 127.0.0.1:1 --cluster-id c --tls-key /proc/version", "--tls-certificate and --tls-key go with --tls-ca.")]
    public void What_is_wrong_with_the_grids_address_is_told_at_once(string arguments, string message)
    {
        var failure = Assert.Throws<CommandFailure>(() => Read(arguments, _ => null));
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("u:password", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_stand_in_for_options_and_secrets_are_never_shown()
    {
        var environment = new Dictionary<string, string> { ["CTWA_REDIS"] = "rediss://h:7/2", ["CTWA_CLUSTER_ID"] = "env", ["CTWA_TOKEN"] = "t0k3n", ["CTWA_REDIS_PASSWORD"] = "pa55" };
        var target = Read("", environment.GetValueOrDefault);
        var redis = Assert.IsType<GridAddress.Redis>(target.Address);
        Assert.Equal(("h", 7, 2, true, "pa55", "env", "t0k3n"), (redis.Endpoint.Host, redis.Endpoint.Port, redis.Endpoint.Database, redis.Endpoint.Tls, redis.Endpoint.Password, redis.ClusterId, target.Token));
        Assert.DoesNotContain("t0k3n", $"{target}", StringComparison.Ordinal);
        Assert.DoesNotContain("pa55", $"{target}", StringComparison.Ordinal);
        Assert.Equal("opt", Read("--cluster-id opt", environment.GetValueOrDefault).Address.ClusterId);
        Assert.IsType<GridAddress.Gateway>(Read("--gateway 127.0.0.1:3", environment.GetValueOrDefault).Address);
    }

    [Fact]
    public async Task A_token_is_made_with_the_entry_that_lets_it_in()
    {
        var (code, text, _) = await CtwaCommandTests.RunAsync(["token", "--name", "alice", "--role", "submit"]);
        Assert.Equal(ExitCodes.Success, code);
        string token = text.Split('\n')[0].Split(": ")[1];
        Assert.Equal(64, token.Length);
        Assert.Contains(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(token))), text, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.BadInput, (await CtwaCommandTests.RunAsync(["token", "--name", "a b", "--role", "submit"])).Code);
        Assert.Equal(ExitCodes.BadInput, (await CtwaCommandTests.RunAsync(["token", "--name", "a", "--role", "owner"])).Code);
    }

    [Theory]
    [InlineData("pause")]
    [InlineData("resume")]
    [InlineData("cancel")]
    [InlineData("watch")]
    public async Task A_verb_without_a_job_is_bad_input(string verb) => Assert.Equal(ExitCodes.BadInput, (await CtwaCommandTests.RunAsync([verb])).Code);

    private static FakeJobGrid Accepting() => new() { Accept = _ => new JobAcceptance(FakeJobGrid.Record(JobState.Queued), null) };

    private static GridAccess Access(FakeJobGrid grid) => new(grid, new GridTarget(new GridAddress.Gateway(new System.Net.IPEndPoint(System.Net.IPAddress.Parse("10.0.0.5"), 30000), "c"), "t0k3n"), FakeJobGrid.Short);

    private static GridTarget Read(string arguments, Func<string, string?> environment)
    {
        var options = new GridOptions();
        var command = new RootCommand();
        options.AddTo(command);
        return options.Read(command.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)), environment);
    }

    private Task<int> SubmitAsync(FakeJobGrid grid, bool wait) =>
        SubmitCommand.RunAsync(Access(grid), new JobRequest("{}", null, folder, 3, false, "r"), wait, signals, output, _ => shown);

    private string Write(string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
