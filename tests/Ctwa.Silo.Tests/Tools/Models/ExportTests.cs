using System.Text.Json.Nodes;
using Ctwa.Silo.Tools;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Specification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Silo.Tests.Tools.Models;

public sealed class ExportTests : IDisposable
{
    private readonly ModelPlace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData(ModelArchitecture.Qwen2, true)]
    [InlineData(ModelArchitecture.Qwen2, false)]
    [InlineData(ModelArchitecture.Qwen3, true)]
    [InlineData(ModelArchitecture.Llama, false)]
    public async Task An_exported_checkpoint_computes_the_same_logits_bit_for_bit(ModelArchitecture architecture, bool tied)
    {
        string run = await _place.RunAsync(ModelPlace.Config(architecture, tied), 5, 20);
        var export = await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"));
        Assert.Equal((0, ""), (export.ExitCode, export.Error));
        Assert.Contains("its hashes verified", export.Output, StringComparison.Ordinal);
        Assert.Equal(ModelPlace.Logits(Path.Combine(run, "checkpoints", "step-000020")), ModelPlace.Logits(_place.At("out")));
        Assert.Equal(["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], Names("out"));
        Assert.Equal(tied, SafetensorsHeader.Read(_place.At("out/model.safetensors")).Find("lm_head.weight") is null);
        Assert.Equal(79, (int)Json("out/generation_config.json")["eos_token_id"]!);
        Assert.Equal("float32", (string?)Json("out/config.json")["torch_dtype"]);
        Assert.Equal(0, (await ToolRun.OfAsync("model", "inspect", _place.At("out"))).ExitCode);
    }

    [Theory]
    [InlineData("bfloat16", SafetensorsDType.BF16)]
    [InlineData("float16", SafetensorsDType.F16)]
    public async Task A_narrower_export_holds_the_values_rounded_to_nearest_even(string dtype, SafetensorsDType type)
    {
        string run = await _place.RunAsync(ModelPlace.Config(), 7);
        Assert.Equal(0, (await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"), "--dtype", dtype)).ExitCode);
        Assert.Equal(dtype, (string?)Json("out/config.json")["torch_dtype"]);
        using var scope = NewDisposeScope();
        using var before = SafetensorsReader.Open(Path.Combine(run, "checkpoints", "step-000007"));
        using var after = SafetensorsReader.Open(_place.At("out"));
        Assert.Equal(before.Names, after.Names);
        foreach (string name in after.Names)
        {
            Assert.Equal(type, after.Entry(name).DType);
            byte[] stored = after.Read(name).bytes.ToArray();
            float[] exact = before.Read(name).data<float>().ToArray();
            for (int i = 0; i < exact.Length; i++) { Assert.Equal(type == SafetensorsDType.BF16 ? NearestBFloat16(exact[i]) : BitConverter.HalfToUInt16Bits((Half)exact[i]), BitConverter.ToUInt16(stored, 2 * i)); }
        }
    }

    [Fact]
    public async Task A_checkpoint_is_chosen_by_step_name_or_path_and_an_unknown_one_lists_those_there()
    {
        string run = await _place.RunAsync(ModelPlace.Config(), 5, 20);
        float[] expected = ModelPlace.Logits(Path.Combine(run, "checkpoints", "step-000005"));
        foreach (string[] choice in (string[][])[[run, "--checkpoint", "5"], [run, "--checkpoint", "step-000005"], [Path.Combine(run, "checkpoints", "step-000005")]])
        {
            Assert.Equal(0, (await ToolRun.OfAsync([.. (string[])["model", "export", "--force", "--out", _place.At("out")], .. choice])).ExitCode);
            Assert.Equal(expected, ModelPlace.Logits(_place.At("out")));
        }

        var unknown = await ToolRun.OfAsync("model", "export", run, "--checkpoint", "6", "--out", _place.At("other"));
        Assert.Equal(ToolExitCodes.BadInput, unknown.ExitCode);
        Assert.Contains("it has step-000005, step-000020", unknown.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_place.At("other")));
    }

    [Fact]
    public async Task A_damaged_checkpoint_is_refused_by_name_and_passed_over_as_latest()
    {
        string run = await _place.RunAsync(ModelPlace.Config(), 5, 20);
        string weights = Path.Combine(run, "checkpoints", "step-000020", "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^5] ^= 1;
        File.WriteAllBytes(weights, bytes);
        var named = await ToolRun.OfAsync("model", "export", run, "--checkpoint", "20", "--out", _place.At("out"));
        Assert.Equal(ToolExitCodes.BadInput, named.ExitCode);
        Assert.Contains("model.safetensors does not match its SHA-256", named.Error, StringComparison.Ordinal);
        var latest = await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"));
        Assert.Equal(0, latest.ExitCode);
        Assert.Contains("step-000020' is damaged", latest.Error, StringComparison.Ordinal);
        Assert.Contains("step-000005", latest.Output, StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(run, "checkpoints", "step-000005", "generation_config.json"), "{}");
        var stranger = await ToolRun.OfAsync("model", "export", run, "--checkpoint", "5", "--out", _place.At("other"));
        Assert.Equal(ToolExitCodes.BadInput, stranger.ExitCode);
        Assert.Contains("generation_config.json, which its manifest.json does not list", stranger.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SafetensorsDType.F32)]
    [InlineData(SafetensorsDType.BF16)]
    public async Task A_LoRA_run_is_exported_merged_in_the_base_models_type(SafetensorsDType type)
    {
        var model = ModelPlace.Config(ModelArchitecture.Qwen3, tied: false);
        string basis = _place.Base(model, type), run = await LoraRunAsync(model, basis);
        var export = await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"));
        Assert.Equal((0, ""), (export.ExitCode, export.Error));
        Assert.Equal(["chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], Names("out"));
        Assert.Equal(2, Json("out/generation_config.json")["eos_token_id"]!.AsArray().Count);

        using var scope = NewDisposeScope();
        using var before = SafetensorsReader.Open(basis);
        using var after = SafetensorsReader.Open(_place.At("out"));
        using var adapter = SafetensorsReader.Open(Path.Combine(run, "checkpoints", "step-000003", AdapterFolder.WeightsName));
        var adapted = AdapterModule.Of(model, ["q_proj", "down_proj"]).ToDictionary(module => module.WeightName);
        Assert.Equal(before.Names, after.Names);
        foreach (string name in after.Names)
        {
            Assert.Equal(type, after.Entry(name).DType);
            Tensor expected = before.Read(name).to(float64), found = after.Read(name).to(float64);
            // Alpha 6 over rank 4; what is not adapted keeps its bits.
            if (adapted.TryGetValue(name, out var module)) { expected = expected.add(adapter.Read(module.NameOfB).to(float64).mm(adapter.Read(module.NameOfA).to(float64)).mul(tensor(1.5, float64)), 1L.ToScalar()); }
            double tolerance = !adapted.ContainsKey(name) ? 0 : type == SafetensorsDType.F32 ? 1e-6 : 1.0 / 256;
            Assert.InRange(found.sub(expected).abs().max().item<double>(), 0, tolerance * Math.Max(1, expected.abs().max().item<double>()));
        }
    }

    [Fact]
    public async Task A_merged_adapter_computes_what_training_computes_beside_the_base_model()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var model = ModelPlace.Config();
        var lora = new LoraSpec { Rank = 4, Alpha = 6, Targets = [LoraTarget.QProj, LoraTarget.DownProj] };
        string run = await LoraRunAsync(model, _place.Base(model, SafetensorsDType.F32));
        Assert.Equal(0, (await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"))).ExitCode);

        var layout = FlatLayout.Of(LoraLayout.Parameters(model, lora));
        var adapter = zeros(layout.Length);
        AdapterFiles.Read(Path.Combine(run, "checkpoints", "step-000003"), layout, adapter);
        using var trained = new DecoderModel(model, ModelPlace.Layout(model), ModelPlace.Weights(model), adapters: new LoraAdapters(lora, layout, adapter));
        float[] expected = ModelPlace.Logits(trained), merged = ModelPlace.Logits(_place.At("out")), plain = ModelPlace.Logits(_place.At("base"));
        // Float32 rounding of the same sum in another order; the adapter itself moves the logits by far more.
        double Distance(float[] other) => expected.Zip(other, (a, b) => Math.Abs(a - (double)b)).Max();
        Assert.InRange(Distance(merged), 0, 1e-4);
        Assert.InRange(Distance(plain), 1e-2, double.MaxValue);
    }

    [Fact]
    public async Task A_LoRA_run_is_exported_alone_as_PEFT_has_it()
    {
        var model = ModelPlace.Config();
        string basis = _place.Base(model, SafetensorsDType.F32), run = await LoraRunAsync(model, basis);
        var export = await ToolRun.OfAsync("model", "export", run, "--adapter-only", "--out", _place.At("out"));
        Assert.Equal((0, ""), (export.ExitCode, export.Error));
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json"], Names("out"));
        Assert.Equal(basis, AdapterFolder.Read(_place.At("out"), model).Config.BaseModel);
        var inspected = await ToolRun.OfAsync("model", "inspect", _place.At("out"));
        Assert.Equal((0, ""), (inspected.ExitCode, inspected.Error));
        Assert.Contains("rank 4, alpha 6, scale 1.5, on down_proj, q_proj", inspected.Output, StringComparison.Ordinal);
        // The exported adapter is exported once more, merged: the same as merging at once.
        Assert.Equal(0, (await ToolRun.OfAsync("model", "export", _place.At("out"), "--merge", "--out", _place.At("twice"))).ExitCode);
        Assert.Equal(0, (await ToolRun.OfAsync("model", "export", run, "--out", _place.At("once"))).ExitCode);
        Assert.Equal(ModelPlace.Logits(_place.At("once")), ModelPlace.Logits(_place.At("twice")));
        Assert.NotEqual(ModelPlace.Logits(basis), ModelPlace.Logits(_place.At("once")));
    }

    [Fact]
    public async Task A_base_model_that_is_elsewhere_can_be_named_and_one_of_another_shape_is_refused()
    {
        var model = ModelPlace.Config();
        string basis = _place.Base(model, SafetensorsDType.F32), run = await LoraRunAsync(model, "/nowhere/base");
        var missing = await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"));
        Assert.Equal(ToolExitCodes.BadInput, missing.ExitCode);
        Assert.Contains("'/nowhere/base'", missing.Error, StringComparison.Ordinal);
        Assert.Contains("--base", missing.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await ToolRun.OfAsync("model", "export", run, "--base", basis, "--out", _place.At("out"))).ExitCode);
        string other = _place.Base(model with { IntermediateSize = 44 }, SafetensorsDType.F32, "other");
        var wrong = await ToolRun.OfAsync("model", "export", run, "--base", other, "--out", _place.At("second"));
        Assert.Equal(ToolExitCodes.BadInput, wrong.ExitCode);
        Assert.Contains("down_proj.lora_A.weight' has shape [4, 40]", wrong.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_place.At("second")));
    }

    [Fact]
    public async Task Nothing_is_overwritten_unasked_and_never_a_run_or_the_source()
    {
        string run = await _place.RunAsync(ModelPlace.Config(), 5), source = Path.Combine(run, "checkpoints", "step-000005");
        Directory.CreateDirectory(_place.At("out"));
        File.WriteAllText(_place.At("out/notes.txt"), "mine");
        File.WriteAllText(_place.At("out/model-00001-of-00002.safetensors"), "stale");
        File.WriteAllText(_place.At("out/model.safetensors.index.json"), "stale");
        var refused = await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"));
        Assert.Equal(ToolExitCodes.BadInput, refused.ExitCode);
        Assert.Contains("--force", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"), "--force")).ExitCode);
        Assert.Equal(["config.json", "generation_config.json", "model.safetensors", "notes.txt", "tokenizer.json", "tokenizer_config.json"], Names("out"));
        foreach (string target in (string[])[run, source])
        {
            var never = await ToolRun.OfAsync("model", "export", source, "--out", target, "--force");
            Assert.Equal(ToolExitCodes.BadInput, never.ExitCode);
        }

        Assert.Equal(["out", "run"], Directory.GetDirectories(_place.Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("there is no folder", "nothing-here")]
    [InlineData("exclude each other", "run", "--merge", "--adapter-only")]
    [InlineData("holds a whole model", "run", "--merge")]
    [InlineData("--dtype is 'int8'; accepted are float32, bfloat16, float16", "run", "--dtype", "int8")]
    [InlineData("no run directory", "run/checkpoints/step-000005", "--checkpoint", "5")]
    [InlineData("no model folder", "run/checkpoints")]
    public async Task A_wrong_call_says_what_is_wrong(string named, string source, params string[] options)
    {
        await _place.RunAsync(ModelPlace.Config(), 5);
        var run = await ToolRun.OfAsync([.. (string[])["model", "export", _place.At(source), "--out", _place.At("out")], .. options]);
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_place.At("out")));
    }

    private async Task<string> LoraRunAsync(ModelConfig model, string basis)
    {
        string run = _place.At("run");
        Directory.CreateDirectory(run);
        File.WriteAllText(Path.Combine(run, "job.yaml"), "name: test\n");
        _ = await ModelPlace.CheckpointAsync(run, 3, folder => ModelPlace.Adapter(folder, model, basis));
        return run;
    }

    /// <summary>The upper half of the bits, rounded to nearest, ties to even.</summary>
    private static ushort NearestBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value), lower = bits & 0xFFFF, upper = bits >> 16;
        return (ushort)(lower > 0x8000 || (lower == 0x8000 && (upper & 1) == 1) ? upper + 1 : upper);
    }

    private IEnumerable<string?> Names(string folder) => Directory.GetFiles(_place.At(folder)).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    private JsonObject Json(string name) => JsonNode.Parse(File.ReadAllText(_place.At(name)))!.AsObject();
}
