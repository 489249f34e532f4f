using System.Collections.Immutable;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Models.Lora;

/// <summary>One adapted linear layer.</summary>
/// <param name="Name">Name of the layer in the model, such as <c>model.layers.0.self_attn.q_proj</c>.</param>
/// <param name="Inputs">Columns of its weight.</param>
/// <param name="Outputs">Rows of its weight.</param>
public sealed record AdapterModule(string Name, long Inputs, long Outputs)
{
    private const string Prefix = "base_model.model.";

    /// <summary>The layer's own weight, shape [outputs, inputs].</summary>
    public string WeightName => Name + ".weight";

    /// <summary>Name of A, shape [rank, inputs], in an adapter's file.</summary>
    public string NameOfA => Prefix + Name + ".lora_A.weight";

    /// <summary>Name of B, shape [outputs, rank], in an adapter's file.</summary>
    public string NameOfB => Prefix + Name + ".lora_B.weight";

    /// <summary>The layers of a model whose last name is among the targets, in the order of the model's parameters.</summary>
    public static ImmutableArray<AdapterModule> Of(ModelConfig model, IEnumerable<string> targets)
    {
        const string weight = ".weight";
        var wanted = targets.ToHashSet(StringComparer.Ordinal);
        return [.. model.Parameters()
            .Where(parameter => parameter.Shape.Length == 2 && parameter.Name.StartsWith("model.layers.", StringComparison.Ordinal) && parameter.Name.EndsWith(weight, StringComparison.Ordinal))
            .Select(parameter => new AdapterModule(parameter.Name[..^weight.Length], parameter.Shape[1], parameter.Shape[0]))
            .Where(module => wanted.Contains(module.Name[(module.Name.LastIndexOf('.') + 1)..]))];
    }
}
