namespace Ctwa.Training.Models.Host;

/// <summary>What a forward pass leaves for the backward pass: rows of N tokens per block, in an arena.</summary>
internal sealed unsafe class HostTape
{
    public required HostBatch Batch { get; init; }

    /// <summary>Positions of the tokens, shape [N].</summary>
    public required int* Positions { get; init; }

    /// <summary>One per block; with recomputation all share one but for <see cref="Block.Input"/>.</summary>
    public required Block[] Blocks { get; init; }

    /// <summary>Output of the last block, [N, C].</summary>
    public float* Last { get; set; }

    /// <summary>Blocks are computed again when their gradients are due.</summary>
    public required bool Recomputes { get; init; }

    /// <summary>Of one block. C hidden size, I intermediate size, Q queries, keys and values side by side.</summary>
    internal sealed class Block
    {
        /// <summary>[N, C].</summary>
        public float* Input { get; set; }

        /// <summary>Normalised input [N, C], and the norm's factor [N].</summary>
        public float* Normed { get; set; }

        public float* InverseRms { get; set; }

        /// <summary>Before head norms, [N, Q]; null without them.</summary>
        public float* Raw { get; set; }

        /// <summary>Factors of the head norms, [N, heads + key heads]; null without them.</summary>
        public float* HeadInverseRms { get; set; }

        /// <summary>Rotated queries, rotated keys, values: [N, Q].</summary>
        public float* QueriesKeysValues { get; set; }

        /// <summary>[N, heads × D].</summary>
        public float* Attended { get; set; }

        /// <summary>Logarithms of attention's sums, [N, heads].</summary>
        public float* LogSums { get; set; }

        /// <summary>Between attention and feed-forward, [N, C]; its norm's output and factor.</summary>
        public float* Middle { get; set; }

        public float* MiddleNormed { get; set; }

        public float* MiddleInverseRms { get; set; }

        /// <summary>[N, I].</summary>
        public float* Gate { get; set; }

        public float* Up { get; set; }
    }
}
