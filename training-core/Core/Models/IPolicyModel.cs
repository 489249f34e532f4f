namespace Ctwa.Training.Models;

/// <summary>
/// A causal language model over flat memory, as rollouts and losses see it. One instance belongs to one compute lane;
/// several instances may view the same weights, each with its own gradient buffer.
/// </summary>
public interface IPolicyModel : IDisposable
{
    /// <summary>Rows of the output distribution.</summary>
    int VocabularySize { get; }

    /// <summary>The same weights for passes without libtorch's graph; null where there are none such, and everywhere but in float32 on a CPU.</summary>
    internal Host.HostDecoder? Host => null;

    /// <summary>Makes <c>backward</c> add into <paramref name="flatGradient"/>, shape [layout length], float32.</summary>
    void PointGradientsAt(Tensor flatGradient);

    /// <summary>
    /// The same for the parameters of a range only; <c>backward</c> goes no deeper than they lie. Takes effect on forward passes
    /// made from now on, and until the next call of either kind.
    /// </summary>
    /// <param name="gradient">Shape [range length], float32.</param>
    /// <param name="range">Range of the layout that holds whole parameters.</param>
    void PointGradientsAt(Tensor gradient, SliceRange range);

    /// <summary>Dropout of adapters in the forward passes to come: a function of the micro-batch; null: none, as in scoring and generation.</summary>
    void DropFor(Lora.DropoutIdentity? microBatch);

    /// <summary>Final hidden states of sequences that start at position 0, padded or packed, in the layout's shape.</summary>
    /// <returns>Shape [B, T, hidden].</returns>
    Tensor Hidden(TokenLayout tokens);

    /// <summary>Final hidden states of right-padded sequences that start at position 0.</summary>
    /// <param name="ids">Token ids [B, T], int64. Padding may hold any valid id: a causal model's earlier positions never see it.</param>
    /// <returns>Shape [B, T, hidden].</returns>
    Tensor Hidden(Tensor ids);

    /// <summary>Final hidden states with explicit positions and padding.</summary>
    /// <param name="ids">Token ids [B, T], int64.</param>
    /// <param name="positions">Rotary positions [B, T], int64.</param>
    /// <param name="attentionMask">1 for tokens, 0 for padding, [B, T], int64.</param>
    Tensor Hidden(Tensor ids, Tensor positions, Tensor attentionMask);

    /// <summary>Output logits of hidden states [..., hidden], shape [..., vocabulary].</summary>
    Tensor Logits(Tensor hidden);

    /// <summary>An empty cache for incremental decoding.</summary>
    IDecodingCache NewCache(int rows, int capacity);

    /// <summary>Runs new tokens of every cached row and returns the hidden state of the last one, shape [B, hidden].</summary>
    /// <param name="ids">New tokens [B, T], int64.</param>
    /// <param name="positions">Their positions [B, T], int64.</param>
    /// <param name="attentionMask">Mask of all cached and new tokens [B, S], int64.</param>
    /// <param name="cache">Keys and values so far; extended by T.</param>
    Tensor Extend(Tensor ids, Tensor positions, Tensor attentionMask, IDecodingCache cache);
}

/// <summary>Keys and values of the tokens decoded so far, for a batch of rows.</summary>
public interface IDecodingCache : IDisposable
{
    /// <summary>Tokens held per row.</summary>
    int Length { get; }

    /// <summary>Replaces the rows by a selection of them, in the given order; an index may repeat.</summary>
    /// <param name="rows">Row indices, int64, shape [new B].</param>
    void Select(Tensor rows);
}
