using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>Element types of weights as people and config.json spell them.</summary>
internal static class StoredTypes
{
    private static readonly (string Name, string Short, SafetensorsDType Type)[] s_all =
        [("float32", "f32", SafetensorsDType.F32), ("bfloat16", "bf16", SafetensorsDType.BF16), ("float16", "f16", SafetensorsDType.F16)];

    /// <summary>The type that an option names.</summary>
    /// <exception cref="ToolFailure">It names none.</exception>
    public static SafetensorsDType? Parse(string? word)
    {
        if (word is null) { return null; }
        foreach (var (name, abbreviation, type) in s_all)
        {
            if (word == name || word == abbreviation) { return type; }
        }

        throw new ToolFailure(ToolExitCodes.BadInput, $"--dtype is '{word}'; accepted are {string.Join(", ", s_all.Select(one => one.Name))}.");
    }

    /// <summary>The name in config.json.</summary>
    public static string Name(SafetensorsDType type) => s_all.First(one => one.Type == type).Name;
}
