namespace Ctwa.Training.Specification;

/// <summary>
/// Memory of forward and backward passes, in bytes. Letters: N tokens of a micro-batch, R of them predicted, L blocks,
/// C width, I feed-forward width, Q and K widths of all query and key heads, H heads, T longest sequence, V vocabulary,
/// e bytes per element.
/// </summary>
internal static class ActivationEstimate
{
    /// <summary>What allocators hold beyond what is asked for: measured by `bench size`.</summary>
    private const double Slack = 1.05;

    /// <summary>Largest phase of a step, on every lane at once.</summary>
    public static long Of(JobSpec job, ModelConfig model, int lanes)
    {
        var shape = new Shape(model, MemoryEstimate.ElementSize(job.Model.Dtype));
        double largest = Supervised(job, shape);
        if (job.Kind == JobKind.Rl) { largest = Math.Max(largest, Math.Max(Generation(job, shape), Policy(job, shape))); }

        // Absurd jobs saturate here instead of wrapping round to something small.
        return (long)Math.Min(lanes * largest * Slack, 1L << 56);
    }

    private static double Generation(JobSpec job, Shape m)
    {
        double prompts = Math.Ceiling((double)job.Rollout.PromptsPerStep / job.Grid.Shards), rows = prompts * job.Rollout.SamplesPerPrompt;
        double held = Math.Ceiling((double)job.Schedule.ValidationPrompts / job.Grid.Shards) * job.Schedule.ValidationSamples;
        if (job.Schedule.ValidateEvery > 0) { rows = Math.Max(rows, held); }
        double length = (double)job.Data.MaxPromptTokens + job.Rollout.MaxNewTokens;
        // Rows of one layer are copied when finished ones leave.
        double cache = rows * length * 2 * m.K * m.Element * (m.Layers + 1);
        // Logits, their logarithmic softmax, and in float64 the probabilities and their running sum; prefix: one block of all prompts.
        double sampling = rows * m.V * (m.Element == 4 ? 26.0 : 28.0);
        double prefix = prompts * job.Data.MaxPromptTokens * (m.Element * ((3.0 * m.I) + (4.0 * m.C)) + (12.0 * m.H * job.Data.MaxPromptTokens));
        return cache + Math.Max(sampling, prefix);
    }

    private static double Policy(JobSpec job, Shape m)
    {
        double length = (double)job.Data.MaxPromptTokens + job.Rollout.MaxNewTokens;
        double perShard = Math.Ceiling((double)(job.Update.PromptsPerUpdate ?? job.Rollout.PromptsPerStep) / job.Grid.Shards) * job.Rollout.SamplesPerPrompt;
        double sequences = Math.Min(perShard, job.Update.MicroBatchSize), tokens = sequences * length, predicted = sequences * job.Rollout.MaxNewTokens;
        // Short prompts leave room for more sequences, and so for more predicted tokens, in a budget.
        if (job.Update.MaxTokensPerMicroBatch is { } budget) { (tokens, predicted) = (Math.Min(perShard * length, budget), Math.Min(perShard * job.Rollout.MaxNewTokens, budget)); }
        return Pass(job, m, tokens, predicted, length, MemoryEstimate.GradientRows(job));
    }

    private static double Supervised(JobSpec job, Shape m)
    {
        if ((job.Kind == JobKind.Sft ? job.Supervised : job.WarmStart) is not { } stage) { return 0; }
        // How long responses are is not known: as long as the policy's, or as prompts.
        double response = job.Kind == JobKind.Rl ? job.Rollout.MaxNewTokens : job.Data.MaxPromptTokens;
        double perShard = Math.Ceiling((double)stage.BatchSize / job.Grid.Shards);
        double sequences = Math.Min(perShard, stage.MicroBatchSize), length = job.Data.MaxPromptTokens + response, tokens = sequences * length, predicted = sequences * response;
        if (job.Update.MaxTokensPerMicroBatch is { } budget) { (tokens, predicted) = (Math.Min(perShard * length, budget), Math.Min(perShard * response, budget)); }
        return Pass(job, m, tokens, predicted, length, rows: 1);
    }

    /// <param name="tokens">N.</param>
    /// <param name="predicted">R.</param>
    /// <param name="length">T.</param>
    /// <param name="rows">Losses that go back through one forward pass.</param>
    private static double Pass(JobSpec job, Shape m, double tokens, double predicted, double length, int rows)
    {
        double block = tokens * m.SavedPerToken(length);
        // While a block is computed or goes back: its rows of the feed-forward layer, with adapters also their parts and the sums, and raw
        // and masked scores.
        double parts = job.Model.Lora is null ? 1 : 2.5;
        double working = tokens * ((4.0 * parts * m.Element * (m.I + m.C)) + (8.0 * m.H * length));
        bool recompute = job.Update.RecomputeActivations;
        double body = recompute ? (tokens * m.C * m.Element * (m.Layers + 1.0)) + block + working : (m.Layers * block) + working;

        double chunk = Math.Max(1, Math.Floor((double)job.Update.MaxLogits / m.V));
        bool staged = recompute || predicted > chunk;
        double logitRows = Math.Min(chunk, predicted);
        // Logits, their logarithmic softmax, and the gradients of both; more at a temperature, for entropies and in half precision.
        int copies = 4 + (job.Kind == JobKind.Rl && job.Rollout.Temperature != 1 ? 2 : 0) + (job.Loss.EntropyCoefficient > 0 ? 3 : 0);
        double logits = logitRows * m.V * ((4.0 * copies) + (m.Element == 4 ? 0 : 4));
        double hidden = predicted * m.C * m.Element * (2.0 + rows);

        // The output matrix and the embedding get dense gradients before these are added to the buffers; in half precision the matrix
        // kernels rearrange the output matrix and collect in float32.
        double matrix = (double)m.V * m.C * m.Element;
        double dense = job.Model.Lora is not null ? (m.Element == 4 ? 0 : matrix) : matrix * ((m.Tied && !staged ? 2 : 1) + (m.Element == 4 ? 0 : 2));
        // Logits go back before the blocks do: with recomputation no block is alive then.
        return recompute
            ? (tokens * m.C * m.Element * (m.Layers + 1.0)) + hidden + Math.Max(logits + dense, block + working + dense)
            : body + hidden + logits + dense;
    }

    /// <summary>Sizes of a model.</summary>
    private readonly record struct Shape(ModelConfig Model, int Element)
    {
        public double Layers => Model.NumHiddenLayers;

        public double C => Model.HiddenSize;

        public double I => Model.IntermediateSize;

        public double Q => (double)Model.NumAttentionHeads * Model.HeadDim;

        public double K => (double)Model.NumKeyValueHeads * Model.HeadDim;

        public double H => Model.NumAttentionHeads;

        public double V => Model.VocabSize;

        public bool Tied => Model.TieWordEmbeddings;

        /// <summary>
        /// What autograd keeps of a block per token: inputs, normalised inputs and outputs of two norms (float32 copies in half
        /// precision); queries, keys and values as the products take them, and their output; gate, its activation, up and their
        /// product; the softmax of every head's scores.
        /// </summary>
        public double SavedPerToken(double length) =>
            (2 * C * (Element == 4 ? 12 : 10)) + (Element * ((2 * Q) + (2 * K) + (4 * I))) + (H * length * (Element == 4 ? 4 : 6));
    }
}
