using TorchSharp;

namespace Ctwa.GpuCheck;

/// <summary>Options of all parts.</summary>
internal sealed record Settings
{
    /// <summary>cuda or cpu.</summary>
    public string Device { get; init; } = "cuda";

    /// <summary>Element type of the weights: float32, tf32 (float32 with TF32 products) or bfloat16.</summary>
    public string Type { get; init; } = "float32";

    /// <summary>Shape of the random model: qwen2.5-1.5b, qwen2.5-0.5b or tiny.</summary>
    public string Preset { get; init; } = "qwen2.5-1.5b";

    /// <summary>Rows of a batch.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Training: tokens per row. Generation: prompt tokens per row.</summary>
    public int Length { get; init; } = 512;

    /// <summary>New tokens per row.</summary>
    public int NewTokens { get; init; } = 128;

    /// <summary>Samples that share a prompt.</summary>
    public int Samples { get; init; } = 8;

    /// <summary>Timed repetitions, after <see cref="WarmUps"/> that are not timed.</summary>
    public int Repeats { get; init; } = 5;

    public int WarmUps { get; init; } = 2;

    /// <summary>own (the model's batched products) or fused (libtorch's scaled dot product attention).</summary>
    public string Attention { get; init; } = "own";

    /// <summary>Folder of the golden decoder models.</summary>
    public string Golden { get; init; } = "";

    /// <summary>File that records are added to; none: printed only.</summary>
    public string? Json { get; init; }

    /// <summary>File that the report is written to.</summary>
    public string Output { get; init; } = "";

    public TorchSharp.torch.Device TorchDevice => new(Device);

    public torch.ScalarType TorchType => Type == "bfloat16" ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;

    public bool Fused => Attention == "fused";

    /// <summary>Reads <c>--name value</c> pairs.</summary>
    /// <exception cref="ArgumentException">An option is unknown or its value is not accepted.</exception>
    public static Settings Parse(ReadOnlySpan<string> arguments)
    {
        var settings = new Settings();
        for (int i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length) { throw new ArgumentException($"{arguments[i]} has no value."); }
            string value = arguments[i + 1];
            settings = arguments[i] switch
            {
                "--device" => settings with { Device = OneOf(value, "cuda", "cpu") },
                "--type" => settings with { Type = OneOf(value, "float32", "tf32", "bfloat16") },
                "--preset" => settings with { Preset = OneOf(value, [.. RandomModel.Presets]) },
                "--attention" => settings with { Attention = OneOf(value, "own", "fused") },
                "--batch" => settings with { Batch = Count(value) },
                "--length" => settings with { Length = Count(value) },
                "--new-tokens" => settings with { NewTokens = Count(value) },
                "--samples" => settings with { Samples = Count(value) },
                "--repeats" => settings with { Repeats = Count(value) },
                "--warm-ups" => settings with { WarmUps = Count(value) },
                "--golden" => settings with { Golden = value },
                "--json" => settings with { Json = value },
                "--output" => settings with { Output = value },
                var unknown => throw new ArgumentException($"{unknown} is no option; see bench/gpu-check/README.md."),
            };
        }

        return settings;
    }

    private static string OneOf(string value, params ReadOnlySpan<string> accepted) =>
        accepted.Contains(value) ? value : throw new ArgumentException($"'{value}' is not accepted; give {string.Join(", ", accepted.ToArray())}.");

    private static int Count(string value) =>
        int.TryParse(value, out int count) && count > 0 ? count : throw new ArgumentException($"'{value}' is not accepted; give a whole number of at least 1.");
}
