using Ctwa.Training.Checkpoints;
using Ctwa.Training.Datasets;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Silo.Tests.Tools.Models;

/// <summary>A temporary folder with model folders and runs of a small decoder in it.</summary>
internal sealed class ModelPlace : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public string Root { get; } = Directory.CreateTempSubdirectory("ctwa-model-").FullName;

    public string At(string name) => Path.Combine(Root, name);

    public static ModelConfig Config(ModelArchitecture architecture = ModelArchitecture.Qwen2, bool tied = true) => new()
    {
        Architecture = architecture, HiddenSize = 24, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 6, VocabSize = 80,
        TieWordEmbeddings = tied, EosTokenIds = [79], RopeScaling = architecture == ModelArchitecture.Llama ? new RopeScaling(8, 1, 4, 64) : null,
    };

    /// <summary>Random weights whose biases and norms are random too.</summary>
    public static Tensor Weights(ModelConfig config)
    {
        var layout = Layout(config);
        return tensor([.. Enumerable.Range(0, (int)layout.Length).Select(i => (float)(0.3 * CounterRandom.Normal(3, RandomPurpose.Test, 0, i, 0, 0)))]);
    }

    public static FlatLayout Layout(ModelConfig config) => FlatLayout.Of(config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));

    /// <summary>A run directory with a job.yaml (that no reader need accept) and checkpoints of these steps.</summary>
    public async Task<string> RunAsync(ModelConfig config, params int[] steps)
    {
        string run = At("run");
        Directory.CreateDirectory(run);
        await File.WriteAllTextAsync(Path.Combine(run, "job.yaml"), "name: test\n");
        foreach (int step in steps) { await CheckpointAsync(run, step, folder => ModelFiles.Save(folder, config, Layout(config), Weights(config).mul(full([], (float)step)))); }
        return run;
    }

    public static Task<string> CheckpointAsync(string run, int step, Action<string> write) => new CheckpointStore(Path.Combine(run, "checkpoints")).WriteAsync(
        new TrainingRunState { Stage = TrainingStage.Rl, Step = step, Updates = step, PolicyVersion = step, Cursor = DatasetCursor.Start, Lengths = ResponseLengthStatistics.Start([]), CovarianceSums = [] },
        folder =>
        {
            write(folder);
            ArithmeticTokenizer.WriteTo(folder);
            SafetensorsWriter.Write(Path.Combine(folder, "optimizer.safetensors"), [("exp_avg.x", zeros(4))]);
            return Task.CompletedTask;
        }, keep: 10);

    /// <summary>A model folder as a user would have downloaded it.</summary>
    public string Base(ModelConfig config, SafetensorsDType type, string name = "base")
    {
        string folder = Directory.CreateDirectory(At(name)).FullName;
        ModelFiles.Save(folder, config with { TorchDtype = type == SafetensorsDType.BF16 ? "bfloat16" : "float32" }, Layout(config), Weights(config));
        using var reader = SafetensorsReader.Open(folder);
        var tensors = reader.Names.Select(one => (one, reader.Read(one))).ToList();
        File.Delete(Path.Combine(folder, "model.safetensors"));
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors, cast: type);
        ArithmeticTokenizer.WriteTo(folder);
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), "{{ messages }}");
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id": [79, 78], "temperature": 0.7}""");
        return folder;
    }

    /// <summary>An adapter's files, random.</summary>
    public static void Adapter(string folder, ModelConfig model, string basis, int rank = 4, double alpha = 6)
    {
        var config = new AdapterConfig { Rank = rank, Alpha = alpha, TargetModules = ["q_proj", "down_proj"], BaseModel = basis };
        File.WriteAllText(Path.Combine(folder, AdapterConfig.FileName), config.ToJson());
        SafetensorsWriter.Write(Path.Combine(folder, AdapterFolder.WeightsName), AdapterModule.Of(model, config.TargetModules).SelectMany((module, i) => new[] { (module.NameOfA, Noise(2 * i, rank, module.Inputs)), (module.NameOfB, Noise((2 * i) + 1, module.Outputs, rank)) }));
    }

    /// <summary>Logits of fixed tokens by the model in a folder, read as training reads it.</summary>
    public static float[] Logits(string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = ModelConfig.Read(Path.Combine(folder, "config.json"));
        var weights = zeros(Layout(config).Length);
        ModelFiles.Load(folder, Layout(config), weights);
        using var model = new DecoderModel(config, Layout(config), weights);
        return Logits(model);
    }

    /// <summary>The same by a model in memory.</summary>
    public static float[] Logits(IPolicyModel model)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return model.Logits(model.Hidden(tensor(Enumerable.Range(0, 14).Select(i => (long)(i * 37 % 80)).ToArray(), [2, 7]))).data<float>().ToArray();
    }

    public static Tensor Noise(int salt, long rows, long columns) =>
        tensor([.. Enumerable.Range(0, (int)(rows * columns)).Select(i => (float)(0.2 * CounterRandom.Normal(7, RandomPurpose.Test, 0, i, salt, 0)))], [rows, columns]);

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
