using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Ctwa.Silo.Tools;
using Ctwa.TestKit;
using Ctwa.Training.Models.Presets;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Models;

public sealed class InspectTests : IDisposable
{
    private readonly ModelPlace _place = new();

    public void Dispose() => _place.Dispose();

    /// <summary>A 7B model whose files claim 15 GB but hold their headers only: reading any weight would take long, and show in the bytes read.</summary>
    [Fact]
    public async Task Fifteen_gigabytes_are_inspected_by_their_headers_alone()
    {
        var preset = ModelPreset.Find("qwen2.5-7b")!;
        string folder = Directory.CreateDirectory(_place.At("big")).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), preset.ConfigJson(null, null, null));
        Sparse(Path.Combine(folder, "model.safetensors"), preset.Config.Parameters(), "BF16", 2);
        long before = BytesRead();
        var clock = Stopwatch.StartNew();
        var run = await ToolRun.OfAsync("model", "inspect", folder, "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"took {clock.Elapsed}.");
        // Other tests of this process may read meanwhile: a few hundred MB would be theirs, 15 GB would not.
        Assert.InRange(BytesRead() - before, 0, 1_000_000_000);
        var json = JsonNode.Parse(run.Output)!;
        Assert.Equal(15_231_233_024, (long)json["files"]![0]!["size_bytes"]! - HeaderBytes(folder));
        Assert.Equal(7_615_616_512, (long)json["parameters"]!["total"]!);
        Assert.Equal(4 * 7_615_616_512, (long)json["memory_bytes"]!["policy_float32"]!);
        Assert.Equal(2 * 28 * 4 * 128 * 2, (long)json["memory_bytes"]!["kv_cache_per_token_bfloat16"]!);
        Assert.Equal("BF16", (string?)json["stored"]![0]!["dtype"]);
    }

    [Fact]
    public async Task Missing_unknown_and_misshapen_tensors_are_listed_and_what_is_known_is_shown()
    {
        var config = ModelPlace.Config();
        string folder = _place.Base(config, SafetensorsDType.F32);
        var parameters = config.Parameters();
        Sparse(Path.Combine(folder, "model.safetensors"), [parameters[0] with { Shape = [80, 23] }, .. parameters[2..], new ModelParameter("model.extra", [3])], "F32", 4);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id": 99}""");
        var run = await ToolRun.OfAsync("model", "inspect", folder);
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        Assert.Contains("embed_tokens.weight' has shape [80, 23]", run.Error, StringComparison.Ordinal);
        Assert.Contains("lacks tensor 'model.layers.0.input_layernorm.weight'", run.Error, StringComparison.Ordinal);
        Assert.Contains("'model.extra' of shape [3] belongs to no parameter", run.Error, StringComparison.Ordinal);
        Assert.Contains("has eos_token_id 99, but vocab_size is 80", run.Error, StringComparison.Ordinal);
        Assert.Contains("architecture     qwen2: 2 layers", run.Output, StringComparison.Ordinal);
        var json = await ToolRun.OfAsync("model", "inspect", folder, "--json");
        Assert.Equal(4, JsonNode.Parse(json.Output)!["problems"]!.AsArray().Count);
    }

    [Fact]
    public async Task Runs_adapters_configurations_and_single_files_are_inspected_too()
    {
        string run = await _place.RunAsync(ModelPlace.Config(), 5, 20);
        var whole = await ToolRun.OfAsync("model", "inspect", run);
        Assert.Equal((0, ""), (whole.ExitCode, whole.Error));
        Assert.Contains("step-000005, step-000020", whole.Output, StringComparison.Ordinal);

        var file = await ToolRun.OfAsync("model", "inspect", Path.Combine(run, "checkpoints", "step-000005", "optimizer.safetensors"));
        Assert.Equal(0, file.ExitCode);
        Assert.Contains("F32: 4 numbers in 1 tensors", file.Output, StringComparison.Ordinal);

        var config = await ToolRun.OfAsync("model", "inspect", Path.Combine(run, "checkpoints", "step-000005", "config.json"));
        Assert.Equal(0, config.ExitCode);
        Assert.Contains("vocabulary       80 rows, tied", config.Output, StringComparison.Ordinal);

        string adapter = Directory.CreateDirectory(_place.At("adapter")).FullName;
        ModelPlace.Adapter(adapter, ModelPlace.Config(), "/nowhere/base");
        var without = await ToolRun.OfAsync("model", "inspect", adapter);
        Assert.Equal(ToolExitCodes.BadInput, without.ExitCode);
        Assert.Contains("base model '/nowhere/base'", without.Error, StringComparison.Ordinal);
        Assert.Contains("rank 4, alpha 6", without.Output, StringComparison.Ordinal);
        ModelPlace.Adapter(adapter, ModelPlace.Config() with { NumHiddenLayers = 1 }, _place.Base(ModelPlace.Config(), SafetensorsDType.F32));
        var incomplete = await ToolRun.OfAsync("model", "inspect", adapter);
        Assert.Equal(ToolExitCodes.BadInput, incomplete.ExitCode);
        Assert.Contains("lacks tensor 'base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight'", incomplete.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tokenizer_larger_than_the_embedding_and_unreadable_files_are_problems()
    {
        string folder = _place.Base(ModelPlace.Config() with { VocabSize = 60, EosTokenIds = [] }, SafetensorsDType.F32);
        var run = await ToolRun.OfAsync("model", "inspect", folder);
        Assert.Contains("has ids up to 79, beyond the embedding's vocab_size 60", run.Error, StringComparison.Ordinal);
        foreach (string name in (string[])["model.safetensors", "tokenizer.json", "generation_config.json", "config.json"])
        {
            File.WriteAllText(Path.Combine(folder, name), "{");
            var broken = await ToolRun.OfAsync("model", "inspect", folder);
            Assert.Equal(ToolExitCodes.BadInput, broken.ExitCode);
            Assert.Contains(name, broken.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("internal error", broken.Error, StringComparison.Ordinal);
        }

        var nothing = await ToolRun.OfAsync("model", "inspect", _place.At("nothing"));
        Assert.Equal(ToolExitCodes.BadInput, nothing.ExitCode);
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public async Task Every_golden_model_is_inspected_without_a_problem()
    {
        string[] folders = Directory.GetDirectories(Path.Combine(GoldenFolder.Require(), "decoder", "models"));
        Assert.NotEmpty(folders);
        foreach (string folder in folders)
        {
            var run = await ToolRun.OfAsync("model", "inspect", folder, "--json");
            Assert.Equal((0, ""), (run.ExitCode, run.Error));
            var json = JsonNode.Parse(run.Output)!;
            Assert.Equal((long)json["parameters"]!["total"]!, json["stored"]!.AsArray().Sum(type => (long)type!["elements"]!));
        }
    }

    private static long BytesRead() => File.ReadLines("/proc/self/io").Where(line => line.StartsWith("rchar:", StringComparison.Ordinal)).Select(line => long.Parse(line[6..], System.Globalization.CultureInfo.InvariantCulture)).Single();

    private static long HeaderBytes(string folder) => SafetensorsHeader.Read(Path.Combine(folder, "model.safetensors")).DataOffset;

    /// <summary>A file with a true header and a hole for data.</summary>
    private static void Sparse(string path, IEnumerable<ModelParameter> parameters, string dtype, int size)
    {
        long offset = 0;
        var parts = new List<string>();
        foreach (var parameter in parameters)
        {
            parts.Add($"\"{parameter.Name}\":{{\"dtype\":\"{dtype}\",\"shape\":[{string.Join(',', parameter.Shape)}],\"data_offsets\":[{offset},{offset += parameter.Count * size}]}}");
        }

        byte[] header = Encoding.UTF8.GetBytes("{" + string.Join(',', parts) + "}"), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        using var stream = new FileStream(path, FileMode.Create);
        stream.Write(length);
        stream.Write(header);
        stream.SetLength(8 + header.Length + offset);
    }
}
