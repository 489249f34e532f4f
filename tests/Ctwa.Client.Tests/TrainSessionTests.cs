using System.Runtime.InteropServices;
using Ctwa.Client.Jobs;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Xunit;

namespace Ctwa.Client.Tests;

/// <summary>Sessions with a silo that is a shell script and a grid that is a script of answers: every way to end.</summary>
public sealed class TrainSessionTests
{
    private static readonly Deadlines Short = new()
    {
        Ready = TimeSpan.FromSeconds(10),
        Connect = TimeSpan.FromSeconds(1),
        Call = TimeSpan.FromSeconds(2),
        Unreachable = TimeSpan.FromMilliseconds(300),
        RetryDelay = TimeSpan.FromMilliseconds(20),
        LastWords = TimeSpan.FromMilliseconds(300),
        Shutdown = TimeSpan.FromSeconds(5),
    };

    private static readonly JobEvent First = new(1, JobEventKind.Message, """{"message":"hello"}""");
    private readonly RecordedOutput output = new();
    private readonly StopSignals signals = new();

    [Fact]
    public async Task A_job_that_succeeds_ends_with_0_and_takes_its_silo_along()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var grid = new FakeGrid { Watch = (call, _) => FakeGrid.Progress(call < 3 ? JobStatus.Running : JobStatus.Succeeded, call == 1 ? [First] : []) };
        Assert.Equal(0, await RunAsync(silo, grid));
        Assert.False(silo.IsRunning);
        Assert.Equal([1], output.Sequences);
        Assert.Equal("run", grid.JobId);
        Assert.Equal(new JobSubmission("{}", Path.Combine(silo.Folder, "run"), false), Assert.Single(grid.Submissions));
        Assert.Matches("^--clustering localhost --silo-port [0-9]+ --gateway-port [0-9]+ --cluster-id ctwa-[0-9a-f]{12} --lanes 2 --device auto --parent-stdin --open-rewards$", Assert.Single(silo.Starts));
    }

    [Fact]
    public async Task A_silo_that_exits_before_it_is_ready_is_reported_with_its_code_and_last_words()
    {
        using var silo = new FakeSilo("echo 'libtorch is missing' >&2; exit 3");
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, Idle()));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.Contains("the silo ended with exit code 3 before it was ready", failure.Message, StringComparison.Ordinal);
        Assert.Contains("libtorch is missing", failure.Message, StringComparison.Ordinal);
        Assert.Single(silo.Starts);
    }

    [Fact]
    public async Task A_silo_that_never_gets_ready_is_killed_at_the_deadline()
    {
        using var silo = new FakeSilo("echo 'loading'; sleep 600 & wait");
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, Idle(), Short with { Ready = TimeSpan.FromSeconds(1) }));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.Contains("not ready after 1 s", failure.Message, StringComparison.Ordinal);
        Assert.Contains("| loading", failure.Message, StringComparison.Ordinal);
        Assert.False(silo.IsRunning);
    }

    [Fact]
    public async Task Ports_that_were_taken_meanwhile_are_tried_again()
    {
        using var silo = new FakeSilo(
            """
            if [ "$(wc -l < "$(dirname "$0")/arguments")" -lt 3 ]; then echo "SocketException (98): Address already in use"; exit 1; fi
            """ + "\n" + FakeSilo.Serves);
        Assert.Equal(0, await RunAsync(silo, new FakeGrid { Watch = (_, _) => FakeGrid.Progress(JobStatus.Succeeded) }));
        Assert.Equal(3, silo.Starts.Distinct().Count());
    }

    [Fact]
    public async Task A_silo_that_dies_while_the_job_runs_is_reported_with_everything_needed_to_go_on()
    {
        using var silo = new FakeSilo("echo 'ctwa-silo ready'; echo 'native abort'; sleep 0.3; kill -ABRT $$");
        output.LastStep = "rl step 12/60";
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, Idle(), started: true));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.Equal(
            """
            the silo was ended by signal 6 (SIGABRT, an abort in native code; exit code 134) while the job was running (last seen: rl step 12/60).
            Last lines of run/silo.log:
              | ctwa-silo ready
              | native abort
            run directory: run
            resume with: ctwa train --resume run
            """,
            failure.Message,
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public async Task A_silo_that_lives_but_does_not_answer_is_given_up()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var grid = new FakeGrid { Watch = (_, _) => throw new TimeoutException("Response did not arrive on time in 00:00:05") };
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, grid));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.Contains("has not answered for", failure.Message, StringComparison.Ordinal);
        Assert.Contains("TimeoutException: Response did not arrive on time", failure.Message, StringComparison.Ordinal);
        Assert.False(silo.IsRunning);
    }

    [Fact]
    public async Task A_silo_that_is_ready_but_takes_no_connection_is_given_up()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var grid = new FakeGrid { Watch = (_, _) => throw new InvalidOperationException(), Connecting = token => Task.Delay(Timeout.Infinite, token) };
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, grid));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.Contains("no connection to its gateway, 127.0.0.1:", failure.Message, StringComparison.Ordinal);
        Assert.Contains("not resumable: the job had not started", failure.Message, StringComparison.Ordinal);
        Assert.False(silo.IsRunning);
    }

    [Fact]
    public async Task A_connection_that_fails_at_first_is_tried_again()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        int attempts = 0;
        var grid = new FakeGrid
        {
            Watch = (_, _) => FakeGrid.Progress(JobStatus.Succeeded),
            Connecting = _ => ++attempts < 3 ? Task.FromException(new IOException("refused")) : Task.CompletedTask,
        };
        Assert.Equal(0, await RunAsync(silo, grid));
        Assert.Equal(3, attempts);
    }

    [Fact]
    public async Task A_signal_while_connecting_ends_the_silo_without_submitting()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var grid = new FakeGrid
        {
            Watch = (_, _) => throw new InvalidOperationException(),
            Connecting = token =>
            {
                signals.Raise(PosixSignal.SIGTERM);
                return Task.Delay(Timeout.Infinite, token);
            },
        };
        Assert.Equal(ExitCodes.Terminated, await RunAsync(silo, grid));
        Assert.Empty(grid.Submissions);
        Assert.False(silo.IsRunning);
    }

    [Fact]
    public async Task Calls_that_fail_now_and_then_are_repeated_and_no_event_is_lost_or_shown_twice()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        JobEvent[] events = [First, First with { Sequence = 2 }, First with { Sequence = 3 }];
        var grid = new FakeGrid
        {
            Watch = (call, after) => call % 2 == 1
                ? throw new TimeoutException()
                : FakeGrid.Progress(after == 3 ? JobStatus.Succeeded : JobStatus.Running, [.. events.Skip((int)after / 2 * 2).Take(2)]),
        };
        Assert.Equal(0, await RunAsync(silo, grid));
        Assert.Equal([1, 2, 3], output.Sequences);
    }

    [Fact]
    public async Task Everything_that_happened_is_shown_before_the_end_counts()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var grid = new FakeGrid { Watch = (_, after) => FakeGrid.Progress(JobStatus.Succeeded, after < 5 ? [First with { Sequence = after + 1 }] : []) };
        Assert.Equal(0, await RunAsync(silo, grid));
        Assert.Equal([1, 2, 3, 4, 5], output.Sequences);
    }

    [Theory]
    [InlineData(JobFailureKind.Reward, ExitCodes.RewardFailed)]
    [InlineData(JobFailureKind.Storage, ExitCodes.StorageFailed)]
    [InlineData(JobFailureKind.Numeric, ExitCodes.NumericFailure)]
    public async Task A_failed_job_ends_with_its_own_code_and_message(JobFailureKind kind, int code)
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, new FakeGrid { Watch = (_, _) => FakeGrid.Failed(kind, "it went wrong") }, started: true));
        Assert.Equal((code, "it went wrong\nrun directory: run\nresume with: ctwa train --resume run"), (failure.ExitCode, failure.Message));
    }

    [Fact]
    public async Task A_refused_submission_is_not_watched()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        var grid = new FakeGrid { Refusal = new JobFailure(JobFailureKind.BadInput, "model.safetensors is truncated"), Watch = (_, _) => throw new InvalidOperationException() };
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, grid));
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
        Assert.StartsWith("model.safetensors is truncated", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, grid.Watches);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    public async Task A_signal_stops_the_job_at_a_checkpoint_and_says_how_to_go_on(PosixSignal signal, int code)
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        FakeGrid grid = null!;
        grid = new FakeGrid
        {
            Watch = (call, _) =>
            {
                if (call == 3) { signals.Raise(signal); }
                return FakeGrid.Progress(grid.Stops > 0 ? JobStatus.Stopped : JobStatus.Running);
            },
        };
        Assert.Equal(code, await RunAsync(silo, grid));
        Assert.Equal(1, grid.Stops);
        Assert.Contains("stopping: writing a checkpoint", output.Text, StringComparison.Ordinal);
        Assert.Contains("resume with: ctwa train --resume run", output.Text, StringComparison.Ordinal);
        Assert.False(silo.IsRunning);
    }

    [Fact]
    public async Task A_second_signal_ends_at_once()
    {
        using var silo = new FakeSilo("trap '' INT TERM; echo 'ctwa-silo ready'; while :; do sleep 1; done");
        var grid = new FakeGrid
        {
            Watch = (call, _) =>
            {
                if (call is 2 or 4) { signals.Raise(PosixSignal.SIGINT); }
                return FakeGrid.Progress(JobStatus.Running);
            },
        };
        Assert.Equal(ExitCodes.Interrupted, await RunAsync(silo, grid, started: true));
        Assert.Contains("ended at once, without a checkpoint", output.Text, StringComparison.Ordinal);
        Assert.False(silo.IsRunning);
    }

    [Fact]
    public async Task A_signal_before_the_silo_is_ready_ends_it()
    {
        using var silo = new FakeSilo("sleep 600 & wait");
        var session = RunAsync(silo, Idle());
        await Task.Delay(100, TestContext.Current.CancellationToken);
        signals.Raise(PosixSignal.SIGINT);
        Assert.Equal(ExitCodes.Interrupted, await session);
        Assert.Contains("stopped before training started", output.Text, StringComparison.Ordinal);
        Assert.True(!silo.HasStarted || !silo.IsRunning);
    }

    [Fact]
    public async Task A_silo_that_ignores_the_end_of_its_client_is_killed()
    {
        using var silo = new FakeSilo("echo 'ctwa-silo ready'; while :; do sleep 1; done");
        Assert.Equal(0, await RunAsync(silo, new FakeGrid { Watch = (_, _) => FakeGrid.Progress(JobStatus.Succeeded) }, Short with { Shutdown = TimeSpan.FromMilliseconds(200) }));
        Assert.False(silo.IsRunning);
    }

    [Fact]
    public async Task The_silos_output_is_kept_in_the_run_directory()
    {
        using var silo = new FakeSilo("for i in $(seq 1 100); do echo line $i; echo warn $i >&2; done; exit 9");
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, Idle()));
        Assert.Equal(200, (await File.ReadAllLinesAsync(Path.Combine(silo.Folder, "run", "silo.log"), TestContext.Current.CancellationToken)).Length);
        Assert.Equal(LogTail.KeptLines, failure.Message.Split("\n  | ").Length - 1);
    }

    [Fact]
    public async Task A_program_that_cannot_be_started_is_named()
    {
        using var silo = new FakeSilo(FakeSilo.Serves);
        File.SetUnixFileMode(silo.Script, UnixFileMode.UserRead);
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => RunAsync(silo, Idle()));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.Contains(silo.Script, failure.Message, StringComparison.Ordinal);
    }

    private static FakeGrid Idle() => new() { Watch = (_, _) => FakeGrid.Progress(JobStatus.Running) };

    /// <param name="started">The grid got as far as writing the resolved job.</param>
    private async Task<int> RunAsync(FakeSilo silo, FakeGrid grid, Deadlines? deadlines = null, bool started = false)
    {
        deadlines ??= Short;
        var run = RunDirectory.CreateAt("run", silo.Folder);
        if (started) { await File.WriteAllTextAsync(run.JobPath, ""); }
        var session = new TrainSession(run, new SiloLauncher(silo.Command, deadlines), grid, output, signals, deadlines);
        return await session.RunAsync(new JobSubmission("{}", run.FullPath, Resume: false), lanes: 2).WaitAsync(TimeSpan.FromSeconds(20));
    }
}
