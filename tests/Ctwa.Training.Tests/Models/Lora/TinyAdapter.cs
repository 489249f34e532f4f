using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models.Lora;

/// <summary>A PEFT folder with random tensors for a small model.</summary>
internal static class TinyAdapter
{
    public static AdapterConfig Config { get; } = new() { Rank = 3, Alpha = 6, TargetModules = ["q_proj", "down_proj"], BaseModel = "/models/base", Dropout = 0.1 };

    /// <summary>A and B of every adapted layer, by their names in the file.</summary>
    public static List<(string Name, Tensor Tensor)> Tensors(ModelConfig model, AdapterConfig config) =>
        [.. AdapterModule.Of(model, config.TargetModules).SelectMany((module, i) => new[] { (module.NameOfA, Noise(2 * i, config.Rank, module.Inputs)), (module.NameOfB, Noise((2 * i) + 1, module.Outputs, config.Rank)) })];

    public static void Write(string folder, ModelConfig model, AdapterConfig? config = null)
    {
        config ??= Config;
        using var scope = NewDisposeScope();
        File.WriteAllText(Path.Combine(folder, AdapterConfig.FileName), config.ToJson());
        SafetensorsWriter.Write(Path.Combine(folder, AdapterFolder.WeightsName), Tensors(model, config));
    }

    public static Tensor Noise(int salt, long rows, long columns) =>
        tensor([.. Enumerable.Range(0, (int)(rows * columns)).Select(i => (float)CounterRandom.Normal(7, RandomPurpose.Test, 0, i, salt, 0))], [rows, columns]);
}
