using Ctwa.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>A job's weights, moments and reference policy between memory and files.</summary>
public static class PolicyFiles
{
    private const string OptimizerFile = "optimizer.safetensors", FirstMoment = "exp_avg.", SecondMoment = "exp_avg_sq.";

    /// <summary>See <see cref="ITrainingBackend.LoadAsync"/>.</summary>
    public static void Load(PreparedJob job, PolicyMemory memory, string? checkpoint, string? reference)
    {
        ResetOptimizer(memory);
        if (checkpoint is not null)
        {
            ModelFiles.Load(checkpoint, job.Layout, memory.Weights);
            ModelFiles.ReadVector(Path.Combine(checkpoint, OptimizerFile), job.Layout, FirstMoment, memory.FirstMoment);
            ModelFiles.ReadVector(Path.Combine(checkpoint, OptimizerFile), job.Layout, SecondMoment, memory.SecondMoment);
        }
        else if (job.Spec.Model.Path is { } path)
        {
            ModelFiles.Load(path, job.Layout, memory.Weights);
        }
        else
        {
            ModelFiles.Initialize(job.Layout, job.Config.InitializerRange, job.Spec.Seed, memory.Weights);
        }

        if (reference is not null) { ModelFiles.ReadVector(reference, job.Layout, "", memory.EnsureReference()); }
    }

    /// <summary>Writes a Hugging Face folder and the optimizer's moments beside it.</summary>
    public static void Save(PreparedJob job, PolicyMemory memory, string folder)
    {
        ModelFiles.Save(folder, job.Config, job.Layout, memory.Weights);
        job.Tokenizer.CopyTo(folder);
        ModelFiles.WriteVector(Path.Combine(folder, OptimizerFile), job.Layout, [(FirstMoment, memory.FirstMoment), (SecondMoment, memory.SecondMoment)]);
    }

    /// <summary>Zeroes Adam's moments.</summary>
    public static void ResetOptimizer(PolicyMemory memory)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        memory.FirstMoment.zero_();
        memory.SecondMoment.zero_();
    }

    /// <summary>Copies the weights to the reference policy and to a file.</summary>
    public static void FreezeReference(PolicyMemory memory, string path)
    {
        using var scope = NewDisposeScope();
        using (no_grad()) { memory.EnsureReference().copy_(memory.Weights); }
        ModelFiles.WriteVector(path, memory.Layout, [("", memory.Reference!)]);
    }
}
