using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>One clear error each, the documented exit code, and nothing half-made.</summary>
public sealed class WrongInputTests : IDisposable
{
    private readonly TrainedModel _model;
    private readonly Workplace _place = new();
    private readonly string _copy;

    public WrongInputTests(TrainedModel model)
    {
        _model = model;
        _copy = _place.PathOf("model");
        _model.CopyTo(_copy);
    }

    private string Weights => Path.Combine(_copy, "model.safetensors");

    [Fact]
    public async Task Missing_weights()
    {
        File.Delete(Weights);
        await RefusedBeforeStartAsync("model.path", "safetensors");
    }

    [Fact]
    public async Task A_gpu_that_is_not_there()
    {
        Assert.SkipWhen(Directory.Exists("/proc/driver/nvidia"), "this machine has a GPU.");
        var result = await CtwaProcess.RunAsync(_place.Folder, "train", _place.Write("job.yaml", TrainedModel.JobOn(_copy)), "--output", "run", "--device", "cuda:1");
        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.StartsWith("error: --device is 'cuda:1', but this libtorch finds no GPU", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_model_folder()
    {
        Directory.Delete(_copy, recursive: true);
        await RefusedBeforeStartAsync("model.path", "there is no such folder");
    }

    [Fact]
    public async Task Truncated_weights()
    {
        using (var file = File.OpenWrite(Weights)) { file.SetLength(file.Length - 100); }
        await RefusedBeforeStartAsync("model.path", "model.safetensors");
    }

    [Fact]
    public async Task A_corrupt_header_of_weights()
    {
        byte[] bytes = File.ReadAllBytes(Weights);
        bytes.AsSpan(8, 40).Fill(0xC3);
        File.WriteAllBytes(Weights, bytes);
        await RefusedBeforeStartAsync("model.path", "model.safetensors");
    }

    [Fact]
    public async Task A_header_length_beyond_the_file()
    {
        byte[] bytes = File.ReadAllBytes(Weights);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, ulong.MaxValue / 2);
        File.WriteAllBytes(Weights, bytes);
        await RefusedBeforeStartAsync("model.path", "model.safetensors");
    }

    [Fact]
    public async Task A_config_that_contradicts_the_weights()
    {
        // All of them at once: what does not fit says which number is wrong.
        Edit("config.json", config => config["intermediate_size"] = 63);
        await RefusedBeforeStartAsync("model.path", "model.layers.1.mlp.down_proj.weight", errors: 6);
    }

    [Fact]
    public async Task Tokenizer_ids_beyond_the_embedding()
    {
        Edit("tokenizer.json", tokenizer => tokenizer["model"]!["vocab"]!.AsObject()["beyond"] = 5000);
        await RefusedBeforeStartAsync("model.path", "ids up to 5000, beyond the embedding's vocab_size");
    }

    [Fact]
    public async Task An_empty_dataset()
    {
        string data = _place.Write("empty.jsonl", "\n");
        await RefusedBeforeStartAsync("data.train.path", "which is empty", job => job.Replace("train: { task: arithmetic, count: 40, min_terms: 2, max_terms: 2 }", $"train: {{ path: {data} }}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_unknown_key()
    {
        await RefusedBeforeStartAsync("lerning_rate", "learning_rate", job => job.Replace("optimizer: { learning_rate", "optimizer: { lerning_rate", StringComparison.Ordinal));
    }

    // Only the silo can encode prompts; the run that it has begun by then is never trained.
    [Fact]
    public async Task A_prompt_over_the_limit()
    {
        string data = _place.Write("long.jsonl", """{"prompt": "1+2-3+4-5+6-7+8-9+1", "answer": "1"}""" + "\n");
        var result = await RefusedAsync(2, "data.train: 1 of 1 prompts are too long", job => job.Replace("train: { task: arithmetic, count: 40, min_terms: 2, max_terms: 2 }", $"train: {{ path: {data} }}", StringComparison.Ordinal));
        Assert.Contains("data.max_prompt_tokens is 16", result.Error, StringComparison.Ordinal);
        Assert.Empty(_place.Run("run").Checkpoints);
    }

    // Also for root, whom permissions do not stop.
    [Theory, InlineData("job.yaml/run"), InlineData("/proc/ctwa-run")]
    public async Task A_run_directory_that_cannot_be_made(string output)
    {
        string job = _place.Write("job.yaml", TrainedModel.JobOn(_copy));
        var result = await CtwaProcess.RunAsync(_place.Folder, "train", job, "--output", output);
        Assert.True(result.ExitCode == 5, result.ToString());
        Assert.StartsWith($"error: cannot create the run directory {output}: ", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task A_run_directory_that_another_process_uses()
    {
        string job = ExactnessJobs.Create("linear", odd: false).WriteTo(_place.Folder);
        await using var first = CtwaProcess.Start(_place.Folder, "train", job, "--output", "run", "--set", "schedule.steps=5000");
        Assert.True(await first.WaitForOutputAsync("supervised"));
        var silo = (await first.WaitForSiloAsync())!.Value;

        var again = await CtwaProcess.RunAsync(_place.Folder, "train", job, "--output", "run");
        Assert.True(again.ExitCode == 2, again.ToString());
        Assert.Contains("--output run is not empty", again.Error, StringComparison.Ordinal);

        var resumed = await CtwaProcess.RunAsync(_place.Folder, "train", "--resume", "run");
        Assert.True(resumed.ExitCode == 5, resumed.ToString());
        Assert.Contains(FormattableString.Invariant($"is in use by process {silo.Id} on "), resumed.Error, StringComparison.Ordinal);

        first.Client.SendToGroup(UnixSignal.Interrupt);
        Assert.Equal(130, (await first.WaitAsync()).ExitCode);
    }

    [Fact]
    public async Task A_start_that_was_killed_before_its_job_was_written_does_not_block_the_folder()
    {
        _place.Write("run/run.lock", "");
        _place.Write("run/silo.log", "");
        await _place.TrainAsync(_place.Write("job.yaml", TrainedModel.JobOn(_copy)), "run", "--set", "schedule.steps=0");
    }

    public void Dispose() => _place.Dispose();

    /// <summary>Exit code 2 and one error that names the key and says what is wrong, before any silo or run directory.</summary>
    private async Task RefusedBeforeStartAsync(string key, string what, Func<string, string>? edit = null, int errors = 1)
    {
        var result = await RefusedAsync(2, key, edit);
        Assert.Contains(what, result.Error, StringComparison.Ordinal);
        Assert.Contains(errors == 1 ? ": 1 error, nothing was started\n" : FormattableString.Invariant($": {errors} errors, nothing was started\n"), result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Output);
        Assert.False(Directory.Exists(_place.PathOf("run")));
    }

    private async Task<CtwaResult> RefusedAsync(int exitCode, string what, Func<string, string>? edit)
    {
        string yaml = TrainedModel.JobOn(_copy);
        var result = await CtwaProcess.RunAsync(_place.Folder, "train", _place.Write("job.yaml", edit?.Invoke(yaml) ?? yaml), "--output", "run");
        Assert.True(result.ExitCode == exitCode, result.ToString());
        Assert.StartsWith("error: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(what, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        return result;
    }

    private void Edit(string name, Action<JsonObject> change)
    {
        string path = Path.Combine(_copy, name);
        var root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(root);
        File.WriteAllText(path, root.ToJsonString(), new UTF8Encoding(false));
    }
}
