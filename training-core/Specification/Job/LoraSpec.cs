using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Low-rank adapters (LoRA, arXiv 2106.09685): W x becomes W x + (alpha / rank) B A x, and only A and B are trained.</summary>
public sealed record LoraSpec
{
    [Description("Rank of the adapters.")]
    [Range(1, 4096)]
    public int Rank { get; init; } = 16;

    [Description("Scale: the adapter's part is multiplied by alpha / rank.")]
    [Range(1e-6, 1e6)]
    public double Alpha { get; init; } = 32;

    [Description("Adapted matrices; default: all seven of a block.")]
    public IReadOnlyList<LoraTarget> Targets { get; init; } = Enum.GetValues<LoraTarget>();

    [Description("Share of an adapter's inputs that is dropped in training passes; never in sampling or scoring. With 0 (default) the sampler's and the trainer's log-probabilities are of one policy.")]
    [Range(0.0, 0.9)]
    public double Dropout { get; init; }

    /// <summary>Parameters of the adapters, layer by layer and in the order of <see cref="LoraTarget"/>.</summary>
    public IEnumerable<ModelParameter> Parameters(ModelConfig model)
    {
        for (int layer = 0; layer < model.NumHiddenLayers; layer++)
        {
            foreach (var target in Targets.Distinct().Order())
            {
                string module = FormattableString.Invariant($"model.layers.{layer}.{target.Module()}");
                int queries = model.NumAttentionHeads * model.HeadDim, keys = model.NumKeyValueHeads * model.HeadDim;
                var (output, input) = target switch
                {
                    LoraTarget.QProj => (queries, model.HiddenSize),
                    LoraTarget.KProj or LoraTarget.VProj => (keys, model.HiddenSize),
                    LoraTarget.OProj => (model.HiddenSize, queries),
                    LoraTarget.GateProj or LoraTarget.UpProj => (model.IntermediateSize, model.HiddenSize),
                    _ => (model.HiddenSize, model.IntermediateSize),
                };
                yield return new ModelParameter(module + ".lora_A.weight", [Rank, input]);
                yield return new ModelParameter(module + ".lora_B.weight", [output, Rank]);
            }
        }
    }
}

/// <summary>A matrix of a block that an adapter may belong to, by its name in checkpoints.</summary>
public enum LoraTarget { QProj, KProj, VProj, OProj, GateProj, UpProj, DownProj }

/// <summary>Names of adapted matrices.</summary>
public static class LoraTargets
{
    /// <summary>Place in a block, such as <c>self_attn.q_proj</c>; its last part is how PEFT's <c>target_modules</c> spells it.</summary>
    public static string Module(this LoraTarget target) => target switch
    {
        LoraTarget.QProj => "self_attn.q_proj",
        LoraTarget.KProj => "self_attn.k_proj",
        LoraTarget.VProj => "self_attn.v_proj",
        LoraTarget.OProj => "self_attn.o_proj",
        LoraTarget.GateProj => "mlp.gate_proj",
        LoraTarget.UpProj => "mlp.up_proj",
        LoraTarget.DownProj => "mlp.down_proj",
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "is no adapted matrix."),
    };
}
