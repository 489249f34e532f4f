using System.Text.Json.Nodes;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

public sealed class ModelFilesTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;
    private readonly TinyModel _tiny = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_saved_model_loads_with_the_same_bits(bool tied)
    {
        using var tiny = new TinyModel(tied);
        ModelFiles.Save(_folder, tiny.Config, tiny.Layout, tiny.Memory.Weights);
        var (config, loaded) = Load();
        Assert.Equal(tiny.Config, config);
        AssertBits.Equal(AssertBits.Floats(tiny.Memory.Weights), AssertBits.Floats(loaded));
    }

    [Fact]
    public void Vectors_of_one_file_come_back_by_their_prefix()
    {
        string path = Path.Combine(_folder, "optimizer.safetensors");
        var gradient = _tiny.Memory.RentGradient();
        using (no_grad()) { gradient.add_(_tiny.Memory.Weights).mul_(3); }
        ModelFiles.WriteVector(path, _tiny.Layout, [("m.", _tiny.Memory.Weights), ("v.", gradient)]);
        var read = zeros(_tiny.Layout.Length);
        ModelFiles.ReadVector(path, _tiny.Layout, "v.", read);
        AssertBits.Equal(AssertBits.Floats(gradient), AssertBits.Floats(read));
        var error = Assert.Throws<InvalidDataException>(() => ModelFiles.ReadVector(path, _tiny.Layout, "x.", read));
        Assert.Contains("'x.model.embed_tokens.weight'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hidden_size", 32, "model.embed_tokens.weight' has shape [37, 24], but [37, 32] is expected")]
    [InlineData("vocab_size", 50, "model.embed_tokens.weight' has shape [37, 24], but [50, 24] is expected")]
    [InlineData("num_key_value_heads", 4, "k_proj.weight' has shape [12, 24], but [24, 24] is expected")]
    [InlineData("num_hidden_layers", 3, "tensor 'model.layers.2.input_layernorm.weight' of shape [24] is missing")]
    [InlineData("num_hidden_layers", 1, "12 tensors that belong to no parameter that its config.json calls for, such as 'model.layers.1.input_layernorm.weight'")]
    public void A_configuration_that_contradicts_the_weights_is_an_error_and_nothing_is_overwritten(string key, int value, string named)
    {
        ModelFiles.Save(_folder, _tiny.Config, _tiny.Layout, _tiny.Memory.Weights);
        Edit(config => config[key] = value);
        AssertRefused<InvalidDataException>(named);
    }

    [Fact]
    public void A_tied_file_is_no_untied_model()
    {
        using var tied = new TinyModel(tied: true);
        ModelFiles.Save(_folder, tied.Config, tied.Layout, tied.Memory.Weights);
        Edit(config => config["tie_word_embeddings"] = false);
        AssertRefused<InvalidDataException>("'lm_head.weight' of shape [37, 24] is missing");
    }

    [Fact]
    public void A_tied_model_may_repeat_its_embedding_as_output_matrix()
    {
        using var tied = new TinyModel(tied: true);
        ModelFiles.Save(_folder, tied.Config, tied.Layout, tied.Memory.Weights);
        var tensors = Tensors(tied).ToList();
        SafetensorsWriter.Write(Model, [.. tensors, ("lm_head.weight", tensors[0].Tensor)]);
        AssertBits.Equal(AssertBits.Floats(tied.Memory.Weights), AssertBits.Floats(Load().Weights));
    }

    [Theory]
    [InlineData("model.layers.1.mlp.up_proj.weight")]
    [InlineData("model.norm.weight")]
    public void A_missing_tensor_is_named_and_nothing_is_overwritten(string missing)
    {
        ModelFiles.Save(_folder, _tiny.Config, _tiny.Layout, _tiny.Memory.Weights);
        SafetensorsWriter.Write(Model, Tensors(_tiny).Where(one => one.Name != missing));
        AssertRefused<InvalidDataException>($"'{missing}'");
    }

    [Fact]
    public void A_tensor_of_integers_is_refused_and_nothing_is_overwritten()
    {
        ModelFiles.Save(_folder, _tiny.Config, _tiny.Layout, _tiny.Memory.Weights);
        SafetensorsWriter.Write(Model, Tensors(_tiny).Select(one => one.Name == "lm_head.weight" ? (one.Name, one.Tensor.to(int32)) : one));
        AssertRefused<InvalidDataException>("'lm_head.weight' is stored as I32; accepted are F32, BF16 and F16");
    }

    [Fact]
    public void A_truncated_file_is_refused_and_nothing_is_overwritten()
    {
        ModelFiles.Save(_folder, _tiny.Config, _tiny.Layout, _tiny.Memory.Weights);
        byte[] whole = File.ReadAllBytes(Model);
        foreach (int length in (int[])[0, 7, 8, 100, whole.Length / 2, whole.Length - 1])
        {
            File.WriteAllBytes(Model, whole[..length]);
            AssertRefused<InvalidDataException>(Model);
        }
    }

    [Fact]
    public void A_truncated_or_absent_shard_is_refused_and_nothing_is_overwritten()
    {
        ModelFiles.Save(_folder, _tiny.Config, _tiny.Layout, _tiny.Memory.Weights);
        File.Delete(Model);
        string last = Path.Combine(_folder, "2.safetensors");
        var tensors = Tensors(_tiny).ToList();
        SafetensorsWriter.Write(Path.Combine(_folder, "1.safetensors"), tensors.Take(9));
        SafetensorsWriter.Write(last, tensors.Skip(9));
        var map = new JsonObject(tensors.Select((one, i) => KeyValuePair.Create<string, JsonNode?>(one.Name, i < 9 ? "1.safetensors" : "2.safetensors")));
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
        AssertBits.Equal(AssertBits.Floats(_tiny.Memory.Weights), AssertBits.Floats(Load().Weights));

        byte[] whole = File.ReadAllBytes(last);
        File.WriteAllBytes(last, whole[..^4]);
        AssertRefused<InvalidDataException>("2.safetensors");
        File.Delete(last);
        AssertRefused<FileNotFoundException>("2.safetensors");
    }

    [Fact]
    public void Initial_weights_are_a_function_of_the_seed_with_the_asked_deviation()
    {
        Tensor Initial(long seed)
        {
            var flat = zeros(_tiny.Layout.Length);
            ModelFiles.Initialize(_tiny.Layout, 0.02, seed, flat);
            return flat;
        }

        float[] first = AssertBits.Floats(Initial(1));
        AssertBits.Equal(first, AssertBits.Floats(Initial(1)));
        Assert.NotEqual(first, AssertBits.Floats(Initial(2)));
        foreach (var entry in _tiny.Layout.Entries)
        {
            float[] values = first[(int)entry.Offset..(int)(entry.Offset + entry.Length)];
            if (entry.Shape.Length == 1)
            {
                Assert.All(values, value => Assert.Equal(entry.Name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0, value));
                continue;
            }

            // Five standard errors of a mean and of a variance.
            double mean = values.Average(value => (double)value), variance = values.Average(value => (double)value * value);
            Assert.InRange(mean, -5 * 0.02 / Math.Sqrt(values.Length), 5 * 0.02 / Math.Sqrt(values.Length));
            Assert.InRange(variance / (0.02 * 0.02), 1 - (5 * Math.Sqrt(2.0 / values.Length)), 1 + (5 * Math.Sqrt(2.0 / values.Length)));
        }
    }

    public void Dispose()
    {
        _tiny.Dispose();
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Model => Path.Combine(_folder, "model.safetensors");

    private static IEnumerable<(string Name, Tensor Tensor)> Tensors(TinyModel tiny) =>
        tiny.Layout.Entries.Select(entry => (entry.Name, tiny.Memory.Weights.narrow(0, entry.Offset, entry.Length).view(entry.Shape)));

    private (ModelConfig Config, Tensor Weights) Load()
    {
        var config = ModelConfig.Read(Path.Combine(_folder, "config.json"));
        var layout = TinyModel.LayoutOf(config);
        var weights = zeros(layout.Length);
        ModelFiles.Load(_folder, layout, weights);
        return (config, weights);
    }

    private void AssertRefused<T>(string named)
        where T : Exception
    {
        var layout = TinyModel.LayoutOf(ModelConfig.Read(Path.Combine(_folder, "config.json")));
        var weights = full(layout.Length, 7f);
        var error = Assert.Throws<T>(() => ModelFiles.Load(_folder, layout, weights));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.True(weights.eq(7).all().item<bool>(), "weights were overwritten before the file was refused.");
    }

    private void Edit(Action<JsonObject> edit)
    {
        string path = Path.Combine(_folder, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(config);
        // The head size stays 6 whatever is edited.
        config["head_dim"] = 6;
        File.WriteAllText(path, config.ToJsonString());
    }
}
