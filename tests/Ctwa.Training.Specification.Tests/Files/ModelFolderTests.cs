using System.Text;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class ModelFolderTests : IDisposable
{
    private static readonly ModelConfig config = ModelConfig.FromInit(new ModelInitSpec { HiddenSize = 8, IntermediateSize = 12, NumHiddenLayers = 1, NumAttentionHeads = 2, NumKeyValueHeads = 1, Tokenizer = "arithmetic" }, 16);

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private void Write(string name, params IEnumerable<ModelParameter> tensors) => File.WriteAllBytes(Path.Combine(folder, name), SafetensorsFile.Of(tensors));

    private void Index(string json) => File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), json);

    private List<string> Errors()
    {
        var errors = new List<string>();
        Assert.Equal(ModelFolder.Read(folder, config, errors) is null, errors.Count > 0);
        return errors;
    }

    private void WriteSharded(Func<string, string>? file = null)
    {
        var parameters = config.Parameters();
        Write("a.safetensors", parameters[..5]);
        Write("b.safetensors", parameters[5..]);
        Index("{\"weight_map\":{" + string.Join(",", parameters.Select((p, i) => $"\"{p.Name}\":\"{(file ?? (f => f))(i < 5 ? "a.safetensors" : "b.safetensors")}\"")) + "}}");
    }

    [Fact]
    public void Single_and_sharded_weights_are_found()
    {
        WriteSharded();
        Assert.Empty(Errors());
        Assert.Equal(config.Parameters().Length, ModelFolder.Read(folder, config).Tensors.Count);
        Write("model.safetensors", config.Parameters());
        Assert.Empty(Errors());
        Assert.EndsWith("model.safetensors", ModelFolder.Read(folder, config).Tensors["model.norm.weight"].File);
    }

    [Fact]
    public void Tensors_that_contradict_the_configuration_are_named_all_at_once()
    {
        var parameters = config.Parameters();
        Write("model.safetensors", [parameters[0] with { Shape = [16, 9] }, .. parameters[2..], new ModelParameter("model.extra", [3])]);
        var errors = Errors();
        Assert.Equal(3, errors.Count);
        Assert.Contains("tensor 'model.embed_tokens.weight' has shape [16, 9]; config.json calls for [16, 8].", errors[0]);
        Assert.Contains("lacks tensor 'model.layers.0.input_layernorm.weight' of shape [8]", errors[1]);
        Assert.Contains("tensor 'model.extra' of shape [3] belongs to no parameter", errors[2]);
    }

    [Fact]
    public void A_tied_model_may_repeat_its_embedding_as_output_matrix()
    {
        Write("model.safetensors", [.. config.Parameters(), new ModelParameter("lm_head.weight", [16, 8])]);
        Assert.Empty(Errors());
    }

    [Fact]
    public void A_wholly_different_configuration_does_not_flood_the_terminal()
    {
        Write("model.safetensors", config.Parameters().Select(p => p with { Name = "x" + p.Name }));
        var errors = Errors();
        Assert.Equal(13, errors.Count);
        Assert.Contains("more tensors are wrong", errors[^1]);
    }

    [Fact]
    public void Types_that_are_not_weights_are_refused()
    {
        Write("model.safetensors", config.Parameters());
        string file = Path.Combine(folder, "model.safetensors");
        string text = Encoding.Latin1.GetString(File.ReadAllBytes(file));
        int at = text.IndexOf("\"F32\"", StringComparison.Ordinal);
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes(text[..at] + "\"I32\"" + text[(at + 5)..]));
        Assert.Contains("has dtype I32; supported: F32, F16, BF16", Assert.Single(Errors()));
    }

    [Theory]
    [InlineData("../a.safetensors")]
    [InlineData("/etc/a.safetensors")]
    [InlineData("sub/a.safetensors")]
    [InlineData("..\\\\a.safetensors")]
    [InlineData("config.json")]
    [InlineData("..")]
    [InlineData("")]
    public void An_index_that_points_elsewhere_is_refused(string file)
    {
        WriteSharded(f => f == "a.safetensors" ? file : f);
        Assert.Contains(Errors(), e => e.Contains("accepted are names of .safetensors files in the same folder", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        WriteSharded();
        File.Delete(Path.Combine(folder, "b.safetensors"));
        Assert.Contains("'b.safetensors', but", Assert.Single(Errors()));
    }

    [Fact]
    public void A_tensor_that_is_not_where_the_index_says_is_named()
    {
        WriteSharded();
        Write("b.safetensors", config.Parameters()[6..]);
        Assert.Contains($"says that tensor '{config.Parameters()[5].Name}' is in b.safetensors, but it is not", Assert.Single(Errors()));
        WriteSharded();
        Write("b.safetensors", config.Parameters()[4..]);
        Assert.Contains($"holds tensor '{config.Parameters()[4].Name}', which", Assert.Single(Errors()));
    }

    [Theory]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "has no weight_map")]
    [InlineData("{}", "has no weight_map")]
    [InlineData("{\"weight_map\":{}}", "has no weight_map")]
    [InlineData("{\"weight_map\":{\"a\":3}}", "expected is a file name")]
    [InlineData("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", "not valid JSON")]
    [InlineData("{\"weight_map\":{\"a\":\"\\ud800\"}}", "not valid Unicode")]
    public void A_broken_index_is_one_error(string json, string expected)
    {
        Index(json);
        Assert.Contains(expected, Assert.Single(Errors()));
    }

    [Fact]
    public void Folders_without_safetensors_are_refused_and_pickles_are_never_read()
    {
        Assert.Contains("has neither model.safetensors nor", Assert.Single(Errors()));
        File.WriteAllText(Path.Combine(folder, "pytorch_model.bin"), "x");
        Assert.Contains("pickles, which are never read", Assert.Single(Errors()));
    }

    [Fact]
    public void A_truncated_file_is_one_error()
    {
        Write("model.safetensors", config.Parameters());
        string file = Path.Combine(folder, "model.safetensors");
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^1]);
        Assert.Contains("it is truncated or corrupt", Assert.Single(Errors()));
    }
}
