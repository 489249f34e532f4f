using System.Runtime.InteropServices;
using System.Text.Json;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Numerics;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.GpuCheck;

/// <summary>
/// The golden decoder values on the device. In float32 the bounds are those that hold on CPUs; with TF32 or bfloat16 the
/// outputs are compared as vectors, ‖got − want‖ / ‖want‖, within <see cref="CoarseBound"/>. The gradient of k_proj.bias is
/// what is left of sums that cancel (a softmax does not see a shift of its inputs), so rounding weighs five times more there.
/// </summary>
internal sealed class GoldenCheck : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Settings _settings;
    private readonly Records _records;
    private readonly string _name;
    private readonly SafetensorsReader _tensors;
    private readonly JsonElement _values;
    private readonly FlatLayout _layout;
    private readonly Tensor _weights;
    private readonly DecoderModel _model;

    private GoldenCheck(Settings settings, Records records, string folder)
    {
        (_settings, _records, _name) = (settings, records, Path.GetFileName(folder));
        var config = ModelConfig.Read(Path.Combine(folder, "config.json"));
        _layout = FlatLayout.Of(config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
        var stored = zeros(_layout.Length, float32);
        ModelFiles.Load(folder, _layout, stored);
        _weights = stored.to(settings.TorchType).to(settings.TorchDevice);
        _model = new DecoderModel(config, _layout, _weights, settings.Fused);
        _tensors = SafetensorsReader.Open(folder + "/golden.safetensors");
        _values = JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
    }

    private bool Exact => _settings.Type == "float32";

    private double CoarseBound => _settings.Type == "bfloat16" ? 5e-2 : 1e-2;

    /// <summary>Checks every model below the folder that this build can load.</summary>
    public static void Run(Settings settings, Records records)
    {
        Products.Use(settings);
        string[] folders = Directory.Exists(settings.Golden) ? [.. Directory.GetDirectories(settings.Golden).Order(StringComparer.Ordinal).Where(IsSupported)] : [];
        if (folders.Length == 0) { throw new ArgumentException($"--golden '{settings.Golden}' holds no model that this build can load; give the folder golden/decoder/models."); }
        foreach (string folder in folders)
        {
            using var check = new GoldenCheck(settings, records, folder);
            check.Logits();
            check.Gradient();
            check.Greedy();
        }
    }

    public void Dispose()
    {
        _model.Dispose();
        _tensors.Dispose();
        _scope.Dispose();
    }

    private static bool IsSupported(string folder) =>
        ModelConfig.SupportedModelTypes.Contains(JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine(folder, "config.json"))).GetProperty("model_type").GetString()!);

    private void Logits()
    {
        using var noGrad = no_grad();
        foreach (var (key, bound) in ((string, double)[])[("a", 1e-4), ("b", 1e-4), ("c", 5e-3)])
        {
            var mask = Golden($"{key}.attention_mask");
            var got = _model.Logits(_model.Hidden(Golden($"{key}.input_ids"), Golden($"{key}.position_ids"), mask));
            Compare($"logits {key}", Golden($"{key}.logits"), got.masked_fill(mask.unsqueeze(-1).eq(Of(0)), Of(0)), bound);
        }

        Compare("logits a, as training computes them", Golden("a.logits"), _model.Logits(_model.Hidden(Golden("a.input_ids"))), 1e-4);
    }

    private void Gradient()
    {
        long[][] ids = Rows("lp.input_ids"), real = Rows("lp.attention_mask"), response = Rows("lp.loss_mask");
        int[][] Pick(long wanted) => [.. ids.Select((row, r) => row.Where((_, t) => real[r][t] == 1 && response[r][t] == wanted).Select(id => (int)id).ToArray())];
        var batch = PackedBatch.Of(Pick(0), Pick(1), _settings.TorchDevice);
        var gradient = zeros(_layout.Length, float32, _settings.TorchDevice);
        _model.PointGradientsAt(gradient);
        var logits = _model.Logits(batch.SelectResponses(_model.Hidden(batch.Sequences)));
        var loss = TokenDistribution.LogProbabilities(logits, batch.Targets).mean().neg();
        loss.backward();

        var expected = _values.GetProperty("loss");
        double want = expected.GetProperty("value").GetDouble();
        _records.Check(_settings.Type, _name, "loss", Math.Abs(want - loss.item<float>()), Exact ? 2e-5 : want * CoarseBound / 5);
        foreach (string parameter in expected.GetProperty("full_gradient_of").EnumerateArray().Select(one => one.GetString()!))
        {
            var entry = _layout.Entries.Single(one => one.Name == parameter);
            Relative($"gradient of {parameter}", Golden($"grad.{parameter}"), gradient.narrow(0, entry.Offset, entry.Length).view(entry.Shape), Exact ? 5e-5 : parameter.EndsWith("k_proj.bias", StringComparison.Ordinal) ? 5 * CoarseBound : CoarseBound);
        }

        double total = expected.GetProperty("grad_total_l2").GetDouble();
        _records.Check(_settings.Type, _name, "norm of the gradient, relative", Math.Abs(total - Norm(gradient)) / total, Exact ? 5e-5 : CoarseBound);
    }

    /// <summary>Greedy decoding with the cache: in float32 the reference's tokens and their log-probabilities.</summary>
    private void Greedy()
    {
        if (!Exact) { return; } // Rounded weights choose other tokens sooner or later.
        var expected = _values.GetProperty("greedy").GetProperty("b");
        int[][] tokens = [.. expected.GetProperty("new_tokens").EnumerateArray().Select(row => row.EnumerateArray().Select(token => token.GetInt32()).ToArray())];
        double[][] logProbabilities = [.. expected.GetProperty("chosen_logprob").EnumerateArray().Select(row => row.EnumerateArray().Select(one => one.GetDouble()).ToArray())];
        long[][] ids = Rows("b.input_ids"), mask = Rows("b.attention_mask");
        EncodedPrompt[] prompts = [.. ids.Select((row, i) => new EncodedPrompt(i, i, [.. row.Where((_, t) => mask[i][t] == 1).Select(id => (int)id)]))];
        var settings = new SamplingSettings { Seed = 1, Purpose = RandomPurpose.Test, Step = 0, Temperature = 0, MaxNewTokens = tokens[0].Length, SamplesPerPrompt = 1, StopTokens = [] };
        var completions = new RolloutEngine(_model, _settings.TorchDevice).Generate(prompts, settings);
        _records.Check(_settings.Type, _name, "greedy tokens that differ", completions.Select((completion, row) => completion.Tokens.Zip(tokens[row]).Count(pair => pair.First != pair.Second)).Sum(), 0);
        _records.Check(_settings.Type, _name, "log-probabilities of greedy tokens", completions.SelectMany((completion, row) => completion.LogProbabilities.Zip(logProbabilities[row], (got, want) => Math.Abs(got - want))).Max(), 1e-4);
    }

    private void Compare(string quantity, Tensor want, Tensor got, double bound)
    {
        if (Exact) { _records.Check(_settings.Type, _name, quantity, (want.to(float64) - got.to(float64)).abs().max().item<double>(), bound); }
        else { Relative(quantity, want, got, CoarseBound); }
    }

    private void Relative(string quantity, Tensor want, Tensor got, double bound) =>
        _records.Check(_settings.Type, _name, quantity + ", relative", Norm(got.to(float64) - want.to(float64)) / Norm(want), bound);

    private static double Norm(Tensor values)
    {
        var wide = values.to(float64);
        return (wide * wide).sum().sqrt().item<double>();
    }

    private static Scalar Of(double value) => Training.Native.Scalars.Of(value);

    private Tensor Golden(string key) => _tensors.Read(key).to(_settings.TorchDevice);

    private long[][] Rows(string key)
    {
        var tensor = _tensors.Read(key);
        return [.. MemoryMarshal.Cast<byte, long>(tensor.bytes).ToArray().Chunk((int)tensor.size(1))];
    }
}
