using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Rewards.Classifiers;

/// <summary>
/// A decoder with a linear head: the numbers of a text are the head's at its last token that is no padding, as in Hugging
/// Face's ForSequenceClassification. Computed in float32. Belongs to one compute lane's thread.
/// </summary>
internal sealed class SequenceClassifier : IDisposable
{
    private readonly Device _device;
    private readonly Tensor _flat;
    private readonly IPolicyModel _model;
    private readonly Tensor _head;
    private readonly int? _padToken;

    /// <summary>Reads a folder's weights.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="InvalidDataException">The weights are not what the folder's configuration calls for.</exception>
    public SequenceClassifier(RewardModelFolder folder, Device device)
    {
        _device = device;
        _padToken = folder.PadToken;
        var layout = FlatLayout.Of(folder.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var read = zeros(layout.Length, dtype: ScalarType.Float32);
        ModelFiles.Load(folder.Path, layout, read);
        _flat = read.to(device).DetachFromDisposeScope();
        var head = layout.Entries[^1];
        _head = _flat.narrow(0, head.Offset, head.Length).view(head.Shape).DetachFromDisposeScope();
        _model = new DecoderModel(folder.Config, layout.Only(layout.Entries.SkipLast(1)), _flat);
    }

    /// <summary>Numbers of texts, in forward passes of texts of similar lengths.</summary>
    /// <param name="texts">Token ids of each, at least one.</param>
    /// <param name="batchTokens">Tokens of one pass, padding included; a longer text passes alone.</param>
    /// <returns>One row of numbers per text, in the order of the texts.</returns>
    public float[][] Score(IReadOnlyList<int[]> texts, int batchTokens)
    {
        var scores = new float[texts.Count][];
        using var noGrad = no_grad();
        int[] order = [.. Enumerable.Range(0, texts.Count).OrderByDescending(i => texts[i].Length).ThenBy(i => i)];
        for (int first = 0; first < order.Length;)
        {
            // The longest comes first and sets the width of its pass.
            int rows = Math.Clamp(batchTokens / texts[order[first]].Length, 1, order.Length - first);
            int[] batch = order[first..(first + rows)];
            float[] values = Pass([.. batch.Select(i => texts[i])]);
            for (int row = 0; row < rows; row++) { scores[batch[row]] = values[(row * values.Length / rows)..((row + 1) * values.Length / rows)]; }
            first += rows;
        }

        return scores;
    }

    public void Dispose()
    {
        _model.Dispose();
        _head.Dispose();
        _flat.Dispose();
    }

    private float[] Pass(int[][] texts)
    {
        using var scope = NewDisposeScope();
        int width = texts.Max(text => text.Length);
        long[] ids = new long[texts.Length * width];
        long[] last = new long[texts.Length];
        for (int row = 0; row < texts.Length; row++)
        {
            for (int t = 0; t < texts[row].Length; t++) { ids[(row * width) + t] = texts[row][t]; }
            last[row] = (row * width) + LastToken(texts[row]);
        }

        // Padding is on the right and the model is causal: what stands there changes nothing before it.
        var hidden = _model.Hidden(tensor(ids, [texts.Length, width], device: _device));
        var read = hidden.reshape(texts.Length * width, hidden.size(2)).index_select(0, tensor(last, device: _device));
        return nn.functional.linear(read, _head).cpu().data<float>().ToArray();
    }

    private int LastToken(int[] text)
    {
        int last = text.Length - 1;
        while (last > 0 && text[last] == _padToken) { last--; }
        return last;
    }
}
