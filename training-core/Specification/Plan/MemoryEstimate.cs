namespace Ctwa.Training.Specification;

/// <summary>
/// Memory that a job needs on one device, in bytes: the most that is in use at one time. Vectors are counted exactly,
/// activations by what PyTorch's autograd keeps (<see cref="ActivationEstimate"/>).
/// </summary>
public sealed record MemoryEstimate
{
    /// <summary>Weights of the policy: float32 master weights of what is trained, their copy in the type of computation, and the base model under adapters.</summary>
    public required long Replica { get; init; }

    /// <summary>Weights of the frozen reference policy; 0 if the job keeps none of its own.</summary>
    public required long Reference { get; init; }

    /// <summary>Gradient buffers of the canonical tree sum, of their combination and of probes; always float32.</summary>
    public required long Gradients { get; init; }

    /// <summary>Both moments of AdamW, float32.</summary>
    public required long Optimizer { get; init; }

    /// <summary>Copy of weights and moments from which checkpoints are written beside the steps, float32, in the host's memory; 0 if the job has none but at the end of a stage.</summary>
    public long Snapshot { get; init; }

    /// <summary>Largest of generation (KV cache, logits) and one micro-batch's forward and backward pass, on every lane at once.</summary>
    public required long Activations { get; init; }

    /// <summary>.NET, libtorch and their allocators, and the tokenizer: measured 290 to 350 MB for the quick-start.</summary>
    public long Runtime { get; init; } = 350_000_000;

    /// <summary>Weights and forward passes of reward models.</summary>
    public long RewardModels { get; init; }

    public long Total => Replica + Reference + Gradients + Optimizer + Snapshot + Activations + RewardModels + Runtime;

    /// <param name="job">A job without errors.</param>
    /// <param name="model">Its model.</param>
    /// <param name="lanes">Compute lanes of the device.</param>
    public static MemoryEstimate Of(JobSpec job, ModelConfig model, int lanes)
    {
        bool rl = job.Kind == JobKind.Rl;
        lanes = Math.Clamp(lanes, 1, job.Grid.Shards);
        long all = model.ParameterCount(), trained = job.Model.Lora?.Parameters(model).Sum(parameter => parameter.Count) ?? all;
        if (rl && job.Advantage.Estimator == AdvantageEstimator.Gae) { trained += (1L + job.Objectives.Count) * (model.HiddenSize + 1L); }
        int element = ElementSize(job.Model.Dtype), rows = rl ? GradientRows(job) : 1;
        bool compares = rl && (job.Loss.Kl.Coefficient > 0 || job.RewardKl is not null || job.Scalarizer.ComparesWithReferencePolicy());
        bool copies = compares && (job.Model.Lora is null || job.WarmStart is not null);
        // Beside the rows: their combination, and for probes the weights as they were.
        long buffers = GradientBuffers(job.Grid.Shards, lanes, rows) + (rows > 1 ? 1 : 0) + (rl && job.Diagnostics.GramEvery > 0 ? 1 : 0);
        return new MemoryEstimate
        {
            Replica = 4 * trained + (element < 4 ? element * trained : 0) + (job.Model.Lora is null ? 0 : element * all),
            Reference = copies ? element * trained : 0,
            Gradients = 4 * trained * buffers,
            Optimizer = 8 * trained,
            Snapshot = WritesBesideSteps(job) ? 12 * trained : 0,
            // With several rows an update compares each slice with its copy from before: after the backward passes, and on every lane at once.
            Activations = Math.Max(ActivationEstimate.Of(job, model, lanes), rows > 1 ? Math.Min(lanes, job.Grid.Slices) * 4 * (trained / job.Grid.Slices) : 0),
            // A tokenizer of 150,000 entries with its merges.
            Runtime = 350_000_000 + 1_200L * model.VocabSize,
        };
    }

    /// <summary>Gradients of model size that a device holds at once, for each row: one per level of every lane's part of the canonical tree, and the ones being filled; never more than shards.</summary>
    public static long GradientBuffers(int shards, int lanes, int rows)
    {
        lanes = Math.Min(lanes, shards);
        int perLane = (shards + lanes - 1) / lanes, levels = 0;
        while (1 << levels < perLane) { levels++; }
        return Math.Min(shards, (long)lanes * (levels + 1)) * rows;
    }

    /// <summary>Rows of gradients at a time: one per objective and one for the KL and entropy terms where the method looks at gradients, else one.</summary>
    public static int GradientRows(JobSpec job)
    {
        // Probes and second passes have none for KL, entropy and values.
        bool regularized = job.Loss.Kl.Coefficient > 0 || job.Loss.EntropyCoefficient > 0 || job.Advantage.Estimator == AdvantageEstimator.Gae;
        return (job.Scalarizer as GradientScalarizerSpec, job.Diagnostics.GramEvery > 0) switch
        {
            ({ Plan: CombinationPlan.SecondPass, GramScope: GramScope.LastBlock }, false) => 1,
            ({ Plan: CombinationPlan.KeepRows }, _) => job.Objectives.Count + (regularized ? 1 : 0),
            (not null, _) or (_, true) => job.Objectives.Count,
            _ => 1,
        };
    }

    /// <summary>A stage's last checkpoint is waited for and needs no copy.</summary>
    private static bool WritesBesideSteps(JobSpec job)
    {
        var supervised = job.Kind == JobKind.Sft ? job.Supervised : job.WarmStart;
        return (supervised is { CheckpointEvery: > 0 } stage && stage.CheckpointEvery < stage.Steps) || (job.Kind == JobKind.Rl && job.Schedule.CheckpointEvery < job.Schedule.Steps);
    }

    /// <summary>Bytes per element.</summary>
    internal static int ElementSize(ComputeType type) => type == ComputeType.Float32 ? 4 : 2;
}
