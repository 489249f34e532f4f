namespace Ctwa.Training.Specification;

/// <summary>Memory that a job needs on one device, in bytes. An estimate: weights and gradients are exact, activations are not.</summary>
public sealed record MemoryEstimate
{
    /// <summary>Weights of the policy, float32.</summary>
    public required long Replica { get; init; }

    /// <summary>Weights of the frozen reference policy; 0 without a KL penalty.</summary>
    public required long Reference { get; init; }

    /// <summary>Gradient buffers of the canonical tree sum, (⌈log2(S / lanes)⌉ + 1) × M.</summary>
    public required long Gradients { get; init; }

    /// <summary>Both moments of AdamW. The master slices are the replica itself where they share a silo.</summary>
    public required long Optimizer { get; init; }

    /// <summary>Largest of generation (KV cache, logits) and one micro-batch's forward and backward pass, on every lane at once.</summary>
    public required long Activations { get; init; }

    /// <summary>.NET, libtorch and their allocators: measured 290 to 350 MB for the quick-start.</summary>
    public long Runtime { get; init; } = 350_000_000;

    /// <summary>Weights and forward passes of reward models.</summary>
    public long RewardModels { get; init; }

    public long Total => Replica + Reference + Gradients + Optimizer + Activations + RewardModels + Runtime;

    /// <param name="job">A job without errors.</param>
    /// <param name="model">Its model.</param>
    /// <param name="lanes">Compute lanes of the device.</param>
    public static MemoryEstimate Of(JobSpec job, ModelConfig model, int lanes)
    {
        long weights = 4 * model.ParameterCount();
        bool rl = job.Kind == JobKind.Rl;
        return new MemoryEstimate
        {
            Replica = weights,
            Reference = rl && (job.Loss.Kl.Coefficient > 0 || job.RewardKl is not null || job.Scalarizer.ComparesWithReferencePolicy()) ? weights : 0,
            Gradients = weights * GradientBuffers(job.Grid.Shards, lanes, rl ? GradientRows(job) : 1),
            Optimizer = 2 * weights,
            Activations = lanes * Math.Max(rl ? Generation(job, model) : 0, Training(job, model)),
        };
    }

    /// <summary>Gradients of model size that a device holds at once: one per level of its part of the canonical tree, and the one being filled, for each row.</summary>
    public static long GradientBuffers(int shards, int lanes, int rows)
    {
        int perLane = (shards + lanes - 1) / lanes, levels = 0;
        while (1 << levels < perLane) { levels++; }
        return (levels + 1L) * rows;
    }

    /// <summary>Rows of gradients at a time: one per objective and one for the KL and entropy terms where the method looks at gradients, else one.</summary>
    public static int GradientRows(JobSpec job) => (job.Scalarizer as GradientScalarizerSpec, job.Diagnostics.GramEvery > 0) switch
    {
        ({ Plan: CombinationPlan.SecondPass, GramScope: GramScope.LastBlock }, false) => 1,
        (not null, _) or (_, true) => job.Objectives.Count + 1,
        _ => 1,
    };

    private static long Generation(JobSpec job, ModelConfig model)
    {
        long prompts = (job.Rollout.PromptsPerStep + job.Grid.Shards - 1) / job.Grid.Shards, rows = prompts * job.Rollout.SamplesPerPrompt;
        // Twice: the cache is copied when it grows.
        double cache = 2.0 * rows * Tokens(job) * model.NumHiddenLayers * 2 * model.NumKeyValueHeads * model.HeadDim;
        return Bytes(cache + rows * 3.0 * model.VocabSize);
    }

    private static long Training(JobSpec job, ModelConfig model)
    {
        long micro = job.Kind == JobKind.Rl ? job.Update.MicroBatchSize : job.Supervised?.MicroBatchSize ?? 1;
        if (job.WarmStart is { } warm) { micro = Math.Max(micro, warm.MicroBatchSize); }
        // Per token and layer: two norms, q, k, v, attention's input and output (about 8 widths), three feed-forward
        // rows and their product, the scores of every head with every token and their softmax.
        double perLayer = 8.0 * model.HiddenSize + 4.0 * model.IntermediateSize + 2.0 * model.NumAttentionHeads * Tokens(job);
        return Bytes(micro * Tokens(job) * (model.NumHiddenLayers * perLayer + 3.0 * model.VocabSize));
    }

    private static double Tokens(JobSpec job) => (double)job.Data.MaxPromptTokens + job.Rollout.MaxNewTokens;

    // Absurd jobs saturate here instead of wrapping round to something small.
    private static long Bytes(double floats) => (long)Math.Min(4 * floats, 1L << 56);
}
