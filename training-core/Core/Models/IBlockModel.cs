namespace Ctwa.Training.Models;

/// <summary>A decoder taken apart, for those that keep only what enters a block and compute the rest again (activation recomputation).</summary>
public interface IBlockModel : IPolicyModel
{
    /// <summary>Number of decoder blocks.</summary>
    int BlockCount { get; }

    /// <summary>The embedding takes part in training: a gradient that reaches it is worth computing.</summary>
    bool TrainsEmbedding { get; }

    /// <summary>What all blocks share in one forward pass. Its tensors belong to the caller's dispose scope.</summary>
    BlockContext Context(TokenLayout tokens);

    /// <summary>Input of the first block, [B, T, hidden].</summary>
    Tensor Embed(TokenLayout tokens);

    /// <summary>Output of block <paramref name="index"/>; the same bits each time it is computed.</summary>
    Tensor Block(int index, Tensor hidden, BlockContext context);

    /// <summary>Final hidden states of the last block's output.</summary>
    Tensor FinalNorm(Tensor hidden);
}

/// <summary>What all blocks share in one forward pass.</summary>
/// <param name="Cosine">Of the rotary embedding.</param>
/// <param name="Sine">Of the rotary embedding, signed.</param>
/// <param name="Mask">Added to attention scores; null: fused causal attention.</param>
/// <param name="Packing">Layout of packed sequences; null: none.</param>
/// <param name="Cache">Keys and values so far; null: none.</param>
public sealed record BlockContext(Tensor Cosine, Tensor Sine, Tensor? Mask, TokenLayout? Packing, IDecodingCache? Cache);
