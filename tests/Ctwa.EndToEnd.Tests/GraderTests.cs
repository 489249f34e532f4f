using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>Existing graders as rewards, through the real executables.</summary>
public sealed class GraderTests : IDisposable
{
    private readonly Workplace _place = new();

    private string Grader(string body)
    {
        Assert.SkipWhen(ProgramPath.Find("python3") is null, "there is no python3 on the PATH.");
        return _place.Write("grader.py", "import json, os, signal, sys\n" + body);
    }

    private string Job(string command) => _place.Write("job.yaml",
        $$"""
        name: graded
        model:
          init: { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, tokenizer: arithmetic, max_position_embeddings: 64 }
        data:
          train: { task: arithmetic, count: 40, min_terms: 2, max_terms: 2 }
          max_prompt_tokens: 16
        rollout: { prompts_per_step: 4, samples_per_prompt: 2, max_new_tokens: 8 }
        reward_models:
          - { name: judge, reward: { kind: process, command: {{command}} }, timeout: 30s }
        objectives:
          - { name: brevity, reward: { kind: shared, source: judge, output: brevity } }
          - { name: luck, reward: { kind: shared, source: judge, output: luck } }
        scalarizer: { method: linear }
        grid: { shards: 2 }
        schedule: { steps: 2, validate_every: 0, checkpoint_every: 1 }

        """);

    [Fact]
    public async Task A_grader_that_dies_once_costs_nothing_but_a_restart()
    {
        Grader("""
            print("grader starts", file=sys.stderr)
            for line in sys.stdin:
                item = json.loads(line)
                with open("asked.txt", "a") as file:
                    file.write("x\n")
                if not os.path.exists("died") and len(open("asked.txt").readlines()) == 3:
                    open("died", "w")
                    os.kill(os.getpid(), signal.SIGKILL)
                print(json.dumps({"id": item["id"], "scores": {"brevity": 1 / (1 + len(item["response"])), "luck": 0.5}}), flush=True)
            """);
        var run = await _place.TrainAsync(Job("[python3, -u, grader.py]"), "run");
        Assert.True(File.Exists(_place.PathOf("died")));
        // Two steps of eight completions, and the one on which it died again.
        Assert.Equal(17, File.ReadAllLines(_place.PathOf("asked.txt")).Length);
        foreach (int step in (int[])[1, 2])
        {
            using var record = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(run.FullPath, "scores", FormattableString.Invariant($"sampling-{step:D6}.json"))));
            Assert.All(record.RootElement.GetProperty("columns").EnumerateArray(), column => Assert.Empty(column.GetProperty("failures").EnumerateObject()));
        }

        string log = File.ReadAllText(Path.Combine(run.FullPath, "silo.log"));
        Assert.Contains("program 'python3' of judge: grader starts", log, StringComparison.Ordinal);
        Assert.Contains("it ended before it had replied (exit code 137", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grader_that_never_works_ends_the_job_with_its_last_words_and_exit_code_3()
    {
        Grader("sys.exit('no licence found')\n");
        var result = await CtwaProcess.RunAsync(_place.Folder, "train", Job("[python3, -u, grader.py]"), "--output", "run");
        Assert.True(result.ExitCode == 3, result.ToString());
        Assert.Contains("no licence found", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_refused_before_anything_starts()
    {
        var result = await CtwaProcess.RunAsync(_place.Folder, "train", Job("[./no-such-grader]"), "--output", "run");
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Contains("reward_models[0].reward.command: begins with './no-such-grader', but there is no such file", result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_place.PathOf("run")));
    }

    [Fact]
    public async Task The_dry_run_shows_what_a_job_will_use()
    {
        var result = await CtwaProcess.RunAsync(Checkout.Root, "train", "examples/rewards/http.yaml", "--dry-run");
        Workplace.Succeeded(result);
        Assert.Contains("# uses         host http://127.0.0.1:8900/score (objective found)", result.Output, StringComparison.Ordinal);
        Assert.Contains("# uses         environment variable GRADER_TOKEN (objective found)", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_example_of_a_program_trains()
    {
        Assert.SkipWhen(ProgramPath.Find("python3") is null, "there is no python3 on the PATH.");
        Workplace.Succeeded(await CtwaProcess.RunAsync(Checkout.Root, "train", "examples/rewards/process.yaml", "--output", _place.PathOf("run")));
        using var record = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_place.PathOf("run"), "scores", "sampling-000002.json")));
        Assert.All(record.RootElement.GetProperty("columns").EnumerateArray(), column => Assert.Empty(column.GetProperty("failures").EnumerateObject()));
    }

    public void Dispose() => _place.Dispose();
}
