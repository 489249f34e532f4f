using System.Globalization;
using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using Xunit.Sdk;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

/// <summary>One model of <c>golden/decoder/models</c> as the product loads it, and the reference's values for it.</summary>
internal sealed class GoldenModel : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly SafetensorsReader _tensors;
    private readonly JsonDocument _values;

    private GoldenModel(string folder)
    {
        Name = Path.GetFileName(folder);
        Config = ModelConfig.Read(Path.Combine(folder, "config.json"));
        Layout = FlatLayout.Of(Config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
        Memory = new PolicyMemory(Layout, CPU);
        ModelFiles.Load(folder, Layout, Memory.Weights);
        Model = new DecoderModel(Config, Layout, Memory.Weights);
        _tensors = SafetensorsReader.Open(Path.Combine(folder, "golden.safetensors"));
        _values = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
    }

    /// <summary>All models that lie there; one placeholder, at which tests skip, where there is no golden data.</summary>
    public static TheoryData<string> Names
    {
        get
        {
            try { return [.. Directory.GetDirectories(Folder()).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)]; }
            catch (SkipException) { return ["none"]; }
        }
    }

    public string Name { get; }

    public ModelConfig Config { get; }

    public FlatLayout Layout { get; }

    public PolicyMemory Memory { get; }

    public DecoderModel Model { get; }

    /// <summary>golden.json.</summary>
    public JsonElement Values => _values.RootElement;

    /// <summary>Loads a model; skips the running test if this build does not support its architecture.</summary>
    public static GoldenModel Open(string name)
    {
        string folder = Path.Combine(Folder(), name);
        var (type, supported) = TypeOf(folder);
        Assert.SkipUnless(supported, $"{name}: this build has no model_type {type}; it has {string.Join(", ", ModelConfig.SupportedModelTypes)}.");
        return new GoldenModel(folder);
    }

    /// <summary>The folder of the models.</summary>
    public static string Folder() => Path.Combine(GoldenFolder.Require(), "decoder", "models");

    /// <summary>A model's <c>model_type</c>, and whether this build claims to support it.</summary>
    public static (string Type, bool Supported) TypeOf(string folder)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        string type = config.RootElement.GetProperty("model_type").GetString()!;
        return (type, ModelConfig.SupportedModelTypes.Contains(type));
    }

    /// <summary>A tensor of golden.safetensors; lives as long as this.</summary>
    public Tensor Tensor(string key) => _tensors.Read(key);

    /// <summary>The view of one parameter in a flat vector.</summary>
    public Tensor View(Tensor flat, string name)
    {
        var entry = Layout.Entries.Single(one => one.Name == name);
        return flat.narrow(0, entry.Offset, entry.Length).view(entry.Shape);
    }

    /// <summary>Checks |expected − actual| ≤ tolerance, everywhere or where <paramref name="mask"/> is 1, and prints the largest difference.</summary>
    public void AssertWithin(Tensor expected, Tensor actual, double tolerance, string what, Tensor? mask = null)
    {
        Assert.Equal(expected.shape, actual.shape);
        var difference = (expected.to(float64) - actual.to(float64)).abs();
        if (mask is not null) { difference = difference.masked_fill(mask.eq(0), 0); }
        AssertWithin(difference.max().item<double>(), tolerance, what);
    }

    /// <summary>Checks a difference (NaN is none) and prints it.</summary>
    public void AssertWithin(double difference, double tolerance, string what)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{Name}, {what}: differs by {difference:E2}, {tolerance:E2} is allowed.");
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        Assert.True(difference <= tolerance, text);
    }

    public void Dispose()
    {
        Model.Dispose();
        Memory.Dispose();
        _tensors.Dispose();
        _values.Dispose();
        _scope.Dispose();
    }
}
