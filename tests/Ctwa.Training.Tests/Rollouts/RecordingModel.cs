using Ctwa.Training.Models;

namespace Ctwa.Training.Tests.Rollouts;

/// <summary>Passes everything on and keeps the shapes that decoding asks for.</summary>
internal sealed class RecordingModel(IPolicyModel model) : IPolicyModel
{
    /// <summary>Rows and new tokens per row of each call of <see cref="Extend"/>.</summary>
    public List<(int Rows, int Tokens)> Extensions { get; } = [];

    public int VocabularySize => model.VocabularySize;

    public void PointGradientsAt(Tensor flatGradient) => model.PointGradientsAt(flatGradient);

    public void PointGradientsAt(Tensor gradient, SliceRange range) => model.PointGradientsAt(gradient, range);

    public void DropFor(Ctwa.Training.Models.Lora.DropoutIdentity? microBatch) => model.DropFor(microBatch);

    public Tensor Hidden(TokenLayout tokens) => model.Hidden(tokens);

    public Tensor Hidden(Tensor ids) => model.Hidden(ids);

    public Tensor Hidden(Tensor ids, Tensor positions, Tensor attentionMask) => model.Hidden(ids, positions, attentionMask);

    public Tensor Logits(Tensor hidden) => model.Logits(hidden);

    public IDecodingCache NewCache(int rows, int capacity) => model.NewCache(rows, capacity);

    public Tensor Extend(Tensor ids, Tensor positions, Tensor attentionMask, IDecodingCache cache)
    {
        Extensions.Add(((int)ids.size(0), (int)ids.size(1)));
        return model.Extend(ids, positions, attentionMask, cache);
    }

    public void Dispose() => model.Dispose();
}
