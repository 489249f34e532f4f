using System.Text.Json;
using Ctwa.Silo.Tools;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Evaluation;

public sealed class EvalCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-eval-").FullName;

    [Fact]
    public async Task A_model_folder_is_scored_on_a_file()
    {
        string model = TinyModels.Write(In("model"));
        string data = Lines("data.jsonl", """{"question": "1+2=?\n", "solution": 3}""", """{"question": "4+5+3=?\n", "solution": "2"}""", """{"question": "9+9=?\n", "solution": 8}""");
        string json = In("out", "e.json"), samples = In("out", "e.jsonl");
        string[] arguments = ["eval", model, "--data", data, "--prompt-field", "question", "--answer-field", "solution", "--reward", "accuracy=math_boxed", "--reward", "clarity", "-k", "4", "--max-new-tokens", "10", "--seed", "9", "--output", json, "--samples-out", samples];
        var run = await ToolRun.OfAsync(arguments);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("3 prompts x 4 answers", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", run.Output, StringComparison.OrdinalIgnoreCase);

        using var document = JsonDocument.Parse(File.ReadAllBytes(json));
        var root = document.RootElement;
        Assert.Equal(["accuracy", "clarity"], root.GetProperty("objectives").EnumerateArray().Select(objective => objective.GetProperty("name").GetString()));
        Assert.Equal(9, root.GetProperty("sampling").GetProperty("seed").GetInt64());
        Assert.Equal(64, root.GetProperty("model").GetProperty("weights_sha256").GetString()!.Length);
        var prompts = root.GetProperty("model").GetProperty("prompts").EnumerateArray().ToList();
        Assert.Equal(3, prompts.Count);
        string[] lines = File.ReadAllLines(samples);
        Assert.Equal(12, lines.Length);

        // The numbers of the table are those of the answers.
        var answers = lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        foreach (string objective in (string[])["accuracy", "clarity"])
        {
            double[] scores = [.. answers.Select(answer => answer.GetProperty("scores").GetProperty(objective).GetDouble())];
            var metrics = root.GetProperty("model").GetProperty("metrics").GetProperty(objective);
            Assert.Equal(scores.Average(), metrics.GetProperty("mean").GetProperty("value").GetDouble(), 1e-12);
            Assert.Equal(scores, prompts.SelectMany(prompt => prompt.GetProperty("scores").GetProperty(objective).EnumerateArray().Select(score => score.GetDouble())));
            Assert.InRange(metrics.GetProperty("mean").GetProperty("value").GetDouble(), metrics.GetProperty("mean").GetProperty("low").GetDouble(), metrics.GetProperty("mean").GetProperty("high").GetDouble());
            Assert.True(metrics.TryGetProperty("best@4", out _) && metrics.TryGetProperty("worst@2", out _) && metrics.TryGetProperty("std@4", out _));
        }

        Assert.Equal(answers.Average(answer => answer.GetProperty("tokens").GetDouble()), root.GetProperty("model").GetProperty("metrics").GetProperty("responses").GetProperty("length").GetProperty("value").GetDouble(), 1e-12);

        byte[] before = Without(json, "seconds"), answersBefore = File.ReadAllBytes(samples);
        Assert.Equal(0, (await ToolRun.OfAsync(arguments)).ExitCode);
        Assert.Equal(before, Without(json, "seconds"));
        Assert.Equal(answersBefore, File.ReadAllBytes(samples));
    }

    [Fact]
    public async Task One_answer_to_one_prompt_has_no_interval_and_no_missing_number()
    {
        string json = In("one.json");
        var run = await ToolRun.OfAsync("eval", TinyModels.Write(In("model")), "--task", "arithmetic", "--prompts", "1", "-k", "1", "--reward", "an_objective_with_a_name_of_forty_eight_letters_=math_boxed", "--max-new-tokens", "5", "-o", json);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"an_objective_with_a_name_of_forty_eight_letters_  mean +[01]\.000 +-\n", run.Output);
        Assert.DoesNotContain("NaN", run.Output + File.ReadAllText(json), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_beside_itself_differs_in_nothing_and_beside_another_in_length()
    {
        string model = TinyModels.Write(In("model")), other = TinyModels.Write(In("other"), seed: 6), json = In("c.json");
        string[] common = ["--task", "arithmetic", "--prompts", "12", "-k", "2", "--reward", "conciseness", "--reward", "accuracy=math_boxed", "--max-new-tokens", "30", "-o", json];
        Assert.Equal(0, (await ToolRun.OfAsync(["eval", model, "--baseline", model, .. common])).ExitCode);
        using (var same = JsonDocument.Parse(File.ReadAllBytes(json)))
        {
            Assert.All(same.RootElement.GetProperty("comparison").EnumerateArray(), row =>
            {
                Assert.Equal((0.0, 1.0, 12), (row.GetProperty("difference").GetDouble(), row.GetProperty("p_value").GetDouble(), row.GetProperty("ties").GetInt32()));
            });
        }

        var run = await ToolRun.OfAsync(["eval", model, "--baseline", other, .. common]);
        Assert.Equal("", run.Error);
        using var compared = JsonDocument.Parse(File.ReadAllBytes(json));
        var rows = compared.RootElement.GetProperty("comparison").EnumerateArray().ToList();
        Assert.Equal(["conciseness", "accuracy", "response length"], rows.Select(row => row.GetProperty("name").GetString()));
        double Length(string which) => compared.RootElement.GetProperty(which).GetProperty("metrics").GetProperty("responses").GetProperty("length").GetProperty("value").GetDouble();
        Assert.NotEqual(0, rows[2].GetProperty("difference").GetDouble());
        Assert.Equal(Length("model") - Length("baseline"), rows[2].GetProperty("difference").GetDouble(), 1e-9);
        // Both are held against the baseline's mean length.
        Assert.Equal(Length("baseline"), compared.RootElement.GetProperty("reference_length").GetProperty("tokens").GetDouble(), 1e-9);
        Assert.All(rows, row => Assert.Equal(12, row.GetProperty("wins").GetInt32() + row.GetProperty("ties").GetInt32() + row.GetProperty("losses").GetInt32()));
        Assert.Contains("paired over 12 prompts", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_brings_its_objectives_limits_and_held_out_prompts()
    {
        string run = await TinyModels.TrainAsync(In("run")), json = In("r.json");
        var evaluated = await ToolRun.OfAsync("eval", run, "-o", json);
        Assert.Equal("", evaluated.Error);
        Assert.Equal(0, evaluated.ExitCode);
        Assert.Contains("step-000002", evaluated.Output, StringComparison.Ordinal);
        using (var document = JsonDocument.Parse(File.ReadAllBytes(json)))
        {
            var root = document.RootElement;
            var sampling = root.GetProperty("sampling");
            Assert.Equal((7, 3, 12), (sampling.GetProperty("seed").GetInt32(), sampling.GetProperty("samples").GetInt32(), sampling.GetProperty("max_new_tokens").GetInt32()));
            Assert.Equal(5, root.GetProperty("data").GetProperty("prompts").GetInt32());
            Assert.Equal("data.validation", root.GetProperty("data").GetProperty("name").GetString());
            using var state = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(run, "state.json")));
            Assert.Equal(state.RootElement.GetProperty("test").GetProperty("mean_length").GetDouble(), root.GetProperty("reference_length").GetProperty("tokens").GetDouble());
        }

        // A checkpoint knows its run; other data and rewards take the place of the run's.
        string earlier = Path.Combine(run, "checkpoints", "step-000001");
        var compared = await ToolRun.OfAsync("eval", run, "--baseline", earlier, "--task", "arithmetic", "--prompts", "4", "-k", "2");
        Assert.Equal("", compared.Error);
        Assert.Contains("step-000001", compared.Output, StringComparison.Ordinal);
        var own = await ToolRun.OfAsync("eval", earlier, "--reward", "clarity", "--task", "arithmetic", "--prompts", "2", "--max-new-tokens", "4");
        Assert.Equal(0, own.ExitCode);
        Assert.Contains("clarity", own.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("accuracy", own.Output, StringComparison.Ordinal);

        foreach (string checkpoint in Directory.GetDirectories(Path.Combine(run, "checkpoints"))) { Directory.Delete(checkpoint, recursive: true); }
        await FailsAsync("no complete checkpoint", "eval", run);
    }

    [Fact]
    public async Task What_is_wrong_is_said_before_anything_is_generated()
    {
        string model = TinyModels.Write(In("model"));
        string[] task = ["--task", "arithmetic"], reward = ["--reward", "math_boxed"];
        await FailsAsync("there is no folder", ["eval", In("nowhere"), .. task, .. reward]);
        await FailsAsync("there is no folder", ["eval", model, "--baseline", In("nowhere"), .. task, .. reward]);
        await FailsAsync("is no run, so nothing says what counts", ["eval", model, .. task]);
        await FailsAsync("no data", ["eval", model, .. reward]);
        await FailsAsync("math_boxe", ["eval", model, .. task, "--reward", "accuracy=math_boxe"]);
        await FailsAsync("write KIND or NAME=KIND", ["eval", model, .. task, "--reward", "=math_boxed"]);
        await FailsAsync("no key", ["eval", model, .. task, "--reward", "a={kind: math_boxed, x: 1}"], "unknown", "'x'", "\"x\"");
        await FailsAsync("--samples 0: must be at least 1", ["eval", model, .. task, .. reward, "-k", "0"]);
        await FailsAsync("--top-p 0", ["eval", model, .. task, .. reward, "--top-p", "0"]);
        await FailsAsync("--temperature 0", ["eval", model, .. task, .. reward, "--temperature", "0", "-k", "2"]);
        await FailsAsync("exceeds the 64 positions", ["eval", model, .. task, .. reward, "--max-new-tokens", "60"]);
        await FailsAsync("--task chess", ["eval", model, "--task", "chess", .. reward]);
        await FailsAsync("exclude each other", ["eval", model, .. task, "--data", "x", .. reward]);
        await FailsAsync("nowhere.jsonl", ["eval", model, "--data", In("nowhere.jsonl"), .. reward]);
        await FailsAsync("'prompt'", ["eval", model, "--data", Lines("d.jsonl", """{"question": "1", "answer": "1"}"""), .. reward]);
        await FailsAsync("é", ["eval", model, "--data", Lines("e.jsonl", """{"prompt": "é", "answer": "1"}"""), .. reward]);
        await FailsAsync("--dtype int8", ["eval", model, .. task, .. reward, "--dtype", "int8"]);
        await FailsAsync("--device tpu", ["eval", model, .. task, .. reward, "--device", "tpu"]);
        await FailsAsync("no such file", ["eval", model, .. task, "--job", In("no.yaml")]);
        await FailsAsync("names a folder", ["eval", model, .. task, .. reward, "-o", _folder]);
        Assert.Equal(ToolExitCodes.StorageFailed, (await ToolRun.OfAsync(["eval", model, .. task, .. reward, "-o", "/proc/nowhere/x.json"])).ExitCode);
        File.WriteAllText(Path.Combine(model, "tokenizer.json"), "{}");
        await FailsAsync("tokenizer.json", ["eval", model, .. task, .. reward]);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task FailsAsync(string part, params string[] arguments) => await FailsAsync(part, arguments, []);

    private static async Task FailsAsync(string part, string[] arguments, params string[] alternatives)
    {
        var run = await ToolRun.OfAsync(arguments);
        Assert.True(run.ExitCode == ToolExitCodes.BadInput, $"exit code {run.ExitCode}: {run.Error}");
        Assert.True(alternatives.Append(part).Any(word => run.Error.Contains(word, StringComparison.Ordinal)), run.Error);
        Assert.Equal("", run.Output);
    }

    private string In(params string[] names) => Path.Combine([_folder, .. names]);

    private string Lines(string name, params string[] lines)
    {
        File.WriteAllLines(In(name), lines);
        return In(name);
    }

    private static byte[] Without(string json, string key)
    {
        string[] kept = [.. File.ReadAllLines(json).Where(line => !line.Contains($"\"{key}\"", StringComparison.Ordinal))];
        Assert.NotEmpty(kept);
        return System.Text.Encoding.UTF8.GetBytes(string.Join('\n', kept));
    }
}
