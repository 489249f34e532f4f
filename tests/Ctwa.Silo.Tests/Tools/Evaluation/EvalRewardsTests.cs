using System.Text.Json;
using Ctwa.Silo.Tools;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Evaluation;

public sealed class EvalRewardsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-eval-rewards-").FullName;

    [Fact]
    public async Task Programs_score_and_objectives_share_their_outputs()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "there is no /usr/bin/python3.");
        string model = TinyModels.Write(In("model")), grader = In("grader.py"), job = In("job.yaml"), samples = In("s.jsonl");
        File.WriteAllText(grader, """
            import json, sys
            for line in sys.stdin:
                item = json.loads(line)
                n = len(item["response"])
                print(json.dumps({"id": item["id"], "scores": {"length": n, "odd": n % 2}}), flush=True)
            """);
        File.WriteAllText(job, $$"""
            name: graded
            model: { path: {{model}} }
            data:
              train: { task: arithmetic }
              test: { task: arithmetic, count: 5 }
            rollout: { max_new_tokens: 8 }
            reward_models: [{ name: grader, reward: { kind: process, command: [/usr/bin/python3, {{grader}}] } }]
            objectives:
              - { name: long, reward: { kind: shared, source: grader, output: length } }
              - { name: odd, reward: { kind: shared, source: grader, output: odd } }
              - { name: accuracy, reward: { kind: math_boxed } }
            schedule: { validate_every: 0, validation_samples: 2 }
            """);
        var run = await ToolRun.OfAsync("eval", model, "--job", job, "--samples-out", samples);
        Assert.True(run.ExitCode == 0, run.Error);
        string[] lines = File.ReadAllLines(samples);
        Assert.Equal(10, lines.Length);
        foreach (string line in lines)
        {
            using var answer = JsonDocument.Parse(line);
            int length = answer.RootElement.GetProperty("response").GetString()!.Length;
            var scores = answer.RootElement.GetProperty("scores");
            Assert.Equal((length, length % 2), (scores.GetProperty("long").GetInt32(), scores.GetProperty("odd").GetInt32()));
        }
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_told_before_anything_is_generated()
    {
        string model = TinyModels.Write(In("model"));
        var run = await ToolRun.OfAsync("eval", model, "--task", "arithmetic", "--reward", "g={kind: process, command: [/no/such/grader]}");
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        Assert.Contains("objectives[0].reward.command", run.Error, StringComparison.Ordinal);
        Assert.Contains("/no/such/grader", run.Error, StringComparison.Ordinal);
        run = await ToolRun.OfAsync("eval", model, "--task", "arithmetic", "--reward", "g={kind: http, url: 'http://127.0.0.1:9/', token_env: CTWA_TEST_NO_SUCH_TOKEN}");
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        Assert.Contains("CTWA_TEST_NO_SUCH_TOKEN", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_score_that_stays_missing_ends_the_evaluation_or_drops_the_answer()
    {
        string model = TinyModels.Write(In("model")), job = In("job.yaml"), json = In("e.json");
        async Task<ToolRun> RunAsync(string policy)
        {
            File.WriteAllText(job, $$"""
                name: dropped
                model: { path: {{model}} }
                data: { train: { task: arithmetic }, test: { task: arithmetic, count: 4 } }
                rollout: { max_new_tokens: 8 }
                objectives:
                  - { name: service, reward: { kind: http, url: "http://127.0.0.1:9/" }, retries: 0, timeout: 2s, {{policy}} }
                  - { name: accuracy, reward: { kind: math_boxed } }
                schedule: { validate_every: 0, validation_samples: 2 }
                """);
            return await ToolRun.OfAsync("eval", model, "--job", job, "-o", json);
        }

        Assert.Equal(ToolExitCodes.RewardFailed, (await RunAsync("on_failure: fail")).ExitCode);
        var dropped = await RunAsync("on_failure: drop_sample");
        Assert.Equal(ToolExitCodes.RewardFailed, dropped.ExitCode);
        Assert.Contains("every answer was dropped", dropped.Error, StringComparison.Ordinal);
        var substituted = await RunAsync("on_failure: substitute, substitute_score: 0.25");
        Assert.True(substituted.ExitCode == 0, substituted.Error);
        Assert.Contains("its substitute_score is used", substituted.Error, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(File.ReadAllBytes(json));
        Assert.Equal(0.25, document.RootElement.GetProperty("model").GetProperty("metrics").GetProperty("service").GetProperty("mean").GetProperty("value").GetDouble());
        Assert.Equal(8, document.RootElement.GetProperty("model").GetProperty("failures").GetProperty("service").GetProperty("failed").GetInt32());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string In(string name) => Path.Combine(_folder, name);
}
