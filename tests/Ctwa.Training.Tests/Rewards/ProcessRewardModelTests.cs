using System.Diagnostics;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>Real programs, well-behaved and otherwise.</summary>
public sealed class ProcessRewardModelTests
{
    [Fact]
    public async Task Requests_have_the_documented_members_and_replies_may_come_in_any_order()
    {
        using var grader = new PythonGrader("""
            batch = []
            for item in requests():
                batch.append(item)
                open("requests.txt", "a").write(json.dumps(item, sort_keys=True) + "\n")
                if len(batch) == 4:
                    for one in reversed(batch):
                        reply(id=one["id"], score=len(one["response"]))
                    batch = []
            """);
        using var model = RewardModels.Open(grader.Spec);
        double[] numbers = (await model.ScoreAsync("a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg", "hhhhhh\n\u2028")).Numbers();
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], numbers);
        Assert.Equal("""{"ground_truth": "truth 1", "id": 1, "objective": "grader", "prompt": "prompt 1", "response": "bb", "response_tokens": 2}""", grader.Lines("requests.txt")[1]);
    }

    [Fact]
    public async Task A_program_that_dies_is_started_again_and_only_the_item_that_kills_it_fails()
    {
        using var grader = new PythonGrader("""
            open("starts.txt", "a").write("start\n")
            for item in requests():
                if item["response"] == "poison":
                    print("about to die", file=sys.stderr)
                    os.kill(os.getpid(), signal.SIGKILL)
                reply(id=item["id"], score=1)
            """);
        List<string> log = [];
        using var model = RewardModels.Open(grader.Spec, log: log);
        var replies = await model.ScoreAsync("a", "poison", "b", "c", "poison", "d");
        Assert.Equal([1, double.NaN, 1, 1, double.NaN, 1], replies.Numbers());
        Assert.Contains("program 'python3' of grader: it ended before it had replied", replies[1].Failure, StringComparison.Ordinal);
        Assert.Contains("last line of standard error: about to die", replies[1].Failure, StringComparison.Ordinal);
        Assert.Equal((1, 0), (replies[1].Retries, replies[0].Retries));
        // The batch, and each poison alone twice: with one retry.
        Assert.InRange(grader.Lines("starts.txt").Length, 5, 6);
        Assert.Contains(log, line => line.EndsWith("of grader: about to die", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_hang_is_cut_by_the_time_limit_and_others_have_their_scores()
    {
        using var grader = new PythonGrader("""
            for item in requests():
                if item["response"] == "hang":
                    time.sleep(600)
                reply(id=item["id"], score=1)
            """);
        using var model = RewardModels.Open(grader.Spec with { StartTimeout = "3s" }, retries: 0, timeout: 0.5);
        var clock = Stopwatch.StartNew();
        var replies = await model.ScoreAsync("a", "hang", "b");
        Assert.Equal([1, double.NaN, 1], replies.Numbers());
        Assert.Contains("no reply within", replies[1].Failure, StringComparison.Ordinal);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{clock.Elapsed}");
    }

    [Fact]
    public async Task A_slow_drip_of_bytes_is_no_reply()
    {
        using var grader = new PythonGrader("""
            for item in requests():
                while True:
                    sys.stdout.write(" ")
                    sys.stdout.flush()
                    time.sleep(0.05)
            """);
        using var model = RewardModels.Open(grader.Spec with { StartTimeout = "1s" }, retries: 0, timeout: 1);
        Assert.Contains("no reply within 1 s", Assert.Single(await model.ScoreAsync("a")).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_of_one_item_is_tried_again_without_a_restart()
    {
        using var grader = new PythonGrader("""
            open("starts.txt", "a").write("start\n")
            seen = set()
            for item in requests():
                if item["response"] == "late" and item["response"] not in seen:
                    seen.add(item["response"])
                    reply(id=item["id"], error="busy")
                elif item["response"] == "never":
                    reply(id=item["id"], error="cannot judge")
                elif item["response"] == "nan":
                    reply(id=item["id"], score=float("nan"))
                else:
                    reply(id=item["id"], score=0.5)
            """);
        using var model = RewardModels.Open(grader.Spec);
        var replies = await model.ScoreAsync("a", "late", "never", "nan");
        Assert.Equal([0.5, 0.5, double.NaN, double.NaN], replies.Numbers());
        Assert.Equal([0, 1, 1, 1], replies.Select(reply => reply.Retries));
        Assert.Equal(["the grader says: cannot judge", "the score is NaN, not a finite number"], replies[2..].Select(reply => reply.Failure));
        Assert.Single(grader.Lines("starts.txt"));
    }

    [Theory]
    [InlineData("print('loading the model', flush=True)", "line 1 of its output is no reply: not JSON at byte 0: 'loading the model'")]
    [InlineData("reply(id=77, score=1)", "line 1 of its output is no reply: id 77 is no request that waits")]
    [InlineData("reply(score=1)", "a reply has no number as its 'id'")]
    [InlineData("sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stdout.flush()", "not UTF-8 text")]
    [InlineData("print('[' * 5000, flush=True)", "not JSON at byte")]
    [InlineData("print('x' * (100 << 20), flush=True)", "line 1 is longer than 1048576 bytes")]
    [InlineData("sys.stdout.write('{\"id\": 0, \"sc'); sys.stdout.flush(); sys.exit(3)", "it ended before it had replied (exit code 3")]
    [InlineData("sys.exit('no model found')", "exit code 1; last line of standard error: no model found")]
    [InlineData("import thing_that_is_not_there", "last line of standard error: ModuleNotFoundError")]
    public async Task Nonsense_names_program_and_line_and_gives_up_after_bounded_starts(string statement, string expected)
    {
        using var grader = new PythonGrader($"open('starts.txt', 'a').write('start\\n')\nfor item in requests():\n    {statement}\n");
        using var model = RewardModels.Open(grader.Spec with { MaxRestarts = 2 }, retries: 9);
        var clock = Stopwatch.StartNew();
        var replies = await model.ScoreAsync("a", "b");
        Assert.All(replies, reply => Assert.Contains(expected, reply.Failure, StringComparison.Ordinal));
        Assert.All(replies, reply => Assert.StartsWith("program 'python3' of grader was given up after 3 starts in a row without a reply: ", reply.Failure, StringComparison.Ordinal));
        Assert.Equal(3, grader.Lines("starts.txt").Length);
        Assert.NotNull((await model.ScoreAsync("c"))[0].Failure);
        Assert.Equal(4, grader.Lines("starts.txt").Length);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{clock.Elapsed}");
    }

    [Fact]
    public async Task A_program_that_answers_twice_is_caught()
    {
        using var grader = new PythonGrader("""
            for item in requests():
                reply(id=item["id"], score=1)
                reply(id=item["id"], score=0)
            """);
        List<string> log = [];
        using var model = RewardModels.Open(grader.Spec, log: log);
        Assert.Equal(2, (await model.ScoreAsync("a", "b")).Length);
        Assert.Contains(log, line => line.Contains("id 0 is no request that waits for its reply", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_program_that_talks_without_end_on_standard_error_goes_on_and_its_log_is_bounded()
    {
        using var grader = new PythonGrader("""
            for item in requests():
                for i in range(20000):
                    print("chatter", "x" * 50, file=sys.stderr)
                reply(id=item["id"], score=1)
            """);
        List<string> log = [];
        using var model = RewardModels.Open(grader.Spec, log: log);
        double[] numbers = (await model.ScoreAsync("a", "b")).Numbers();
        Assert.Equal([1, 1], numbers);
        Assert.InRange(log.Count, 200, 202);
    }

    [Fact]
    public async Task Large_batches_do_not_block_a_program_that_answers_while_it_reads()
    {
        using var grader = new PythonGrader("""
            for item in requests():
                reply(id=item["id"], score=len(item["response"]), note="y" * 20000)
            """);
        using var model = RewardModels.Open(grader.Spec with { BatchSize = 200 });
        Assert.All((await model.ScoreAsync([.. Enumerable.Repeat(new string('x', 20_000), 150)])).Numbers(), number => Assert.Equal(20_000, number));
    }

    [Fact]
    public async Task Several_workers_share_the_work_and_give_the_same_replies()
    {
        using var grader = new PythonGrader("""
            open("starts.txt", "a").write("start\n")
            for item in requests():
                time.sleep(0.02)
                reply(id=item["id"], score=len(item["response"]))
            """);
        using var model = RewardModels.Open(grader.Spec with { Workers = 3, BatchSize = 2 });
        string[] responses = [.. Enumerable.Range(0, 40).Select(i => new string('x', i))];
        Assert.Equal(Enumerable.Range(0, 40).Select(i => (double)i), (await model.ScoreAsync(responses)).Numbers());
        Assert.Equal(3, grader.Lines("starts.txt").Length);
    }

    [Fact]
    public async Task At_the_end_the_program_and_its_children_are_killed()
    {
        using var grader = new PythonGrader("""
            import subprocess
            child = subprocess.Popen(["sleep", "600"])
            open("pids.txt", "w").write(f"{os.getpid()}\n{child.pid}\n")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for item in requests():
                reply(id=item["id"], score=1)
            time.sleep(600)
            """);
        var model = RewardModels.Open(grader.Spec);
        double[] numbers = (await model.ScoreAsync("a")).Numbers();
        Assert.Equal([1], numbers);
        int[] ids = [.. grader.Lines("pids.txt").Select(int.Parse)];
        Assert.All(ids, id => Assert.True(IsRunning(id)));
        model.Dispose();
        for (int i = 0; i < 100 && ids.Any(IsRunning); i++) { await Task.Delay(50, TestContext.Current.CancellationToken); }
        Assert.DoesNotContain(ids, IsRunning);
    }

    [Fact]
    public async Task A_program_gets_the_variables_that_its_job_names_and_no_secrets_of_others()
    {
        Environment.SetEnvironmentVariable("CTWA_TEST_GIVEN", "given");
        Environment.SetEnvironmentVariable("CTWA_TEST_SECRET", "secret");
        using var grader = new PythonGrader("""
            for item in requests():
                reply(id=item["id"], scores=[float(os.environ.get("CTWA_TEST_GIVEN") == "given"), float("CTWA_TEST_SECRET" in os.environ), float("PATH" in os.environ)])
            """);
        using var model = RewardModels.Open(grader.Spec with { Environment = ["CTWA_TEST_GIVEN"] });
        var given = Assert.Single(await model.ScoreAsync("a"));
        Assert.Equal([1, 0, 1], given.Outputs.Select(output => output.Value));
    }

    [Fact]
    public async Task A_program_that_is_not_there_fails_with_its_name()
    {
        using var model = RewardModels.Open(new ProcessRewardSpec { Command = ["/no/such/grader"], MaxRestarts = 1 });
        Assert.Contains("there is no program '/no/such/grader'", Assert.Single(await model.ScoreAsync("a")).Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposing_ends_whoever_waits()
    {
        using var grader = new PythonGrader("time.sleep(600)\n");
        var model = RewardModels.Open(grader.Spec);
        var waiting = model.ScoreAsync("a");
        await Task.Delay(200, TestContext.Current.CancellationToken);
        model.Dispose();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    private static bool IsRunning(int id)
    {
        string status = $"/proc/{id}/stat";
        try { return File.Exists(status) && !File.ReadAllText(status).Contains(") Z ", StringComparison.Ordinal); }
        catch (IOException) { return false; }
    }
}
