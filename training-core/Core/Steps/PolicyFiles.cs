using Ctwa.Training.Models;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>A job's weights, moments and reference policy between memory and files.</summary>
public static class PolicyFiles
{
    private const string OptimizerFile = "optimizer.safetensors", ValueFile = "value_head.safetensors", FirstMoment = "exp_avg.", SecondMoment = "exp_avg_sq.";

    /// <summary>The file of a checkpoint that holds the trained weights.</summary>
    public static string WeightsFile(JobSpec spec) => spec.Model.Lora is null ? "model.safetensors" : AdapterFiles.WeightsFile;

    /// <summary>See <see cref="ITrainingBackend.LoadAsync"/>.</summary>
    public static void Load(PreparedJob job, PolicyMemory memory, string? checkpoint, string? reference)
    {
        ResetOptimizer(memory);
        if (memory.Base is { } frozen) { LoadModel(job, frozen); }
        if (checkpoint is not null)
        {
            if (memory.Base is not null) { AdapterFiles.Read(checkpoint, job.PolicyLayout, memory.Weights); }
            else { ModelFiles.Load(checkpoint, job.PolicyLayout, memory.Weights); }
            ModelFiles.ReadVector(Path.Combine(checkpoint, OptimizerFile), job.PolicyLayout, FirstMoment, memory.FirstMoment);
            ModelFiles.ReadVector(Path.Combine(checkpoint, OptimizerFile), job.PolicyLayout, SecondMoment, memory.SecondMoment);
        }
        else if (memory.Base is not null)
        {
            LoraLayout.Initialize(job.PolicyLayout, job.Spec.Seed, memory.Weights);
        }
        else
        {
            LoadModel(job, memory.Weights);
        }

        LoadValueHead(job, memory, checkpoint);
        memory.Publish();
        if (reference is not null) { ModelFiles.ReadVector(reference, job.PolicyLayout, "", memory.EnsureReference()); }
    }

    /// <summary>Writes a Hugging Face folder, or one of PEFT with adapters, and the optimizer's moments beside it.</summary>
    /// <exception cref="NumericFailureException">A weight is not finite: such a model is no place to resume from.</exception>
    public static void Save(PreparedJob job, PolicyVectors memory, string folder)
    {
        if (!memory.IsFinite()) { throw new NumericFailureException("the weights are not finite, so no checkpoint is written of them. Lower optimizer.learning_rate in a new run; the last checkpoint is sound."); }
        if (job.Spec.Model.Lora is { } lora) { AdapterFiles.Write(folder, lora, job.Spec.Model.Path, job.PolicyLayout, memory.Weights); }
        else { ModelFiles.Save(folder, job.Config, job.PolicyLayout, memory.Weights); }
        job.Tokenizer.CopyTo(folder);
        ModelFiles.WriteVector(Path.Combine(folder, OptimizerFile), job.PolicyLayout, [(FirstMoment, memory.FirstMoment), (SecondMoment, memory.SecondMoment)]);
        if (job.HasValueHead) { ModelFiles.WriteVector(Path.Combine(folder, ValueFile), job.Layout.Only(ValueHead.Entries(job.Layout)), [("", memory.Weights), (FirstMoment, memory.FirstMoment), (SecondMoment, memory.SecondMoment)]); }
    }

    private static void LoadModel(PreparedJob job, Tensor weights)
    {
        if (job.Spec.Model.Path is { } path) { ModelFiles.Load(path, job.ModelLayout, weights); }
        else { ModelFiles.Initialize(job.ModelLayout, job.Config.InitializerRange, job.Spec.Seed, weights); }
    }

    /// <summary>The value head starts at 0; checkpoints of the supervised stage, which may be another job's, need not have it.</summary>
    private static void LoadValueHead(PreparedJob job, PolicyMemory memory, string? checkpoint)
    {
        if (!job.HasValueHead) { return; }
        var head = job.Layout.Only(ValueHead.Entries(job.Layout));
        if (checkpoint is not null && File.Exists(Path.Combine(checkpoint, ValueFile)))
        {
            string file = Path.Combine(checkpoint, ValueFile);
            ModelFiles.ReadVector(file, head, "", memory.Weights);
            ModelFiles.ReadVector(file, head, FirstMoment, memory.FirstMoment);
            ModelFiles.ReadVector(file, head, SecondMoment, memory.SecondMoment);
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        memory.Weights.narrow(0, job.Layout.BodyLength, job.Layout.Length - job.Layout.BodyLength).zero_();
    }

    /// <summary>Zeroes Adam's moments.</summary>
    public static void ResetOptimizer(PolicyMemory memory)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        memory.FirstMoment.zero_();
        memory.SecondMoment.zero_();
    }

    /// <summary>Copies the weights to the reference policy and, if a path is given, to a file.</summary>
    public static void FreezeReference(PreparedJob job, PolicyMemory memory, string? path)
    {
        using var scope = NewDisposeScope();
        using (no_grad()) { memory.EnsureReference().copy_(memory.Compute); }
        if (path is not null) { ModelFiles.WriteVector(path, job.PolicyLayout, [("", memory.Reference!)]); }
    }
}
