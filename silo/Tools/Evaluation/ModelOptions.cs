using Ctwa.Training.Models;
using Ctwa.Training.Native;
using TorchSharp;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>Models as users name them, for the verbs that run one. Every failure is bad input with one message.</summary>
internal static class ModelOptions
{
    /// <summary>Words of <c>--dtype</c>.</summary>
    public static IReadOnlyDictionary<string, torch.ScalarType> Types { get; } = new SortedDictionary<string, torch.ScalarType>(StringComparer.Ordinal)
    {
        ["float32"] = torch.ScalarType.Float32,
        ["bfloat16"] = torch.ScalarType.BFloat16,
        ["float16"] = torch.ScalarType.Float16,
    };

    /// <summary>Everything about a model but its weights.</summary>
    public static ModelDescription Describe(string path, TextWriter error) =>
        Guard(() => ModelDescription.Read(ModelLocation.Of(path, line => error.WriteLine("warning: " + line))));

    /// <summary>Its weights, too.</summary>
    public static LoadedModel Load(ModelDescription description, string device, string type) => Guard(() => LoadedModel.Load(description, Device(device), Type(type)));

    public static torch.ScalarType Type(string word) => Types.TryGetValue(word, out var type) ? type
        : throw new ToolFailure(ToolExitCodes.BadInput, $"--dtype {word}: accepted are {string.Join(", ", Types.Keys)}.");

    /// <summary><c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    public static torch.Device Device(string word)
    {
        // Before the first touch of TorchSharp: nothing else of the numerical project may have run yet.
        TorchNative.EnsureLoaded();
        if (word == "cpu") { return torch.CPU; }
        if (word == "cuda") { return torch.device(DeviceType.CUDA, 0); }
        if (word.StartsWith("cuda:", StringComparison.Ordinal) && byte.TryParse(word.AsSpan(5), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out byte index)) { return torch.device(DeviceType.CUDA, index); }
        throw new ToolFailure(ToolExitCodes.BadInput, $"--device {word}: accepted are cpu, cuda and cuda:N.");
    }

    /// <summary>Turns what is wrong with the user's files into the tool's failure.</summary>
    public static T Guard<T>(Func<T> work)
    {
        try { return work(); }
        catch (Exception e) when (e is InvalidDataException or Training.Datasets.DatasetException or IOException or UnauthorizedAccessException or FormatException or ArgumentException or NotSupportedException)
        {
            throw new ToolFailure(ToolExitCodes.BadInput, e.Message);
        }
    }
}
