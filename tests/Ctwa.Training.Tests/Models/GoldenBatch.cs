using System.Runtime.InteropServices;
using Ctwa.Training.Models;
using Ctwa.Training.Numerics;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

/// <summary>Rows of a reference batch (prompts padded left, continuations right), cut into the prompts and responses that they stand for.</summary>
internal sealed class GoldenBatch
{
    private GoldenBatch(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses, PackedBatch packed)
    {
        Prompts = prompts;
        Responses = responses;
        Packed = packed;
    }

    public IReadOnlyList<int[]> Prompts { get; }

    public IReadOnlyList<int[]> Responses { get; }

    /// <summary>The same as training lays it out.</summary>
    public PackedBatch Packed { get; }

    /// <summary>Reads the batch <c>prefix.input_ids</c>, ...; tensors belong to the caller's scope.</summary>
    public static GoldenBatch Of(GoldenModel golden, string prefix)
    {
        var (ids, real, response, positions) = (Longs(golden, prefix, "input_ids"), Longs(golden, prefix, "attention_mask"), Longs(golden, prefix, "loss_mask"), Longs(golden, prefix, "position_ids"));
        var prompts = new List<int[]>();
        var responses = new List<int[]>();
        for (int row = 0; row < ids.Length; row++)
        {
            int[] kept = [.. Enumerable.Range(0, ids[row].Length).Where(t => real[row][t] == 1)];
            // What makes the two layouts the same sequence: no hole, positions from 0, the response last.
            Assert.Equal(Enumerable.Range(0, kept.Length).Select(t => (long)t), kept.Select(t => positions[row][t]));
            int prompt = kept.Count(t => response[row][t] == 0);
            Assert.All(kept[prompt..], t => Assert.Equal(1, response[row][t]));
            prompts.Add([.. kept[..prompt].Select(t => (int)ids[row][t])]);
            responses.Add([.. kept[prompt..].Select(t => (int)ids[row][t])]);
        }

        return new GoldenBatch(prompts, responses, PackedBatch.Of(prompts, responses, CPU));
    }

    /// <summary>Mean negative log-probability of the responses, with a graph, by the path that training takes.</summary>
    public Tensor Loss(IPolicyModel model) => TokenDistribution.LogProbabilities(Logits(model), Packed.Targets).sum().neg() / Packed.TokenCount;

    /// <summary>Logits that predict the response tokens, shape [tokens, V].</summary>
    public Tensor Logits(IPolicyModel model) => model.Logits(Packed.SelectResponses(model.Hidden(Packed.Sequences)));

    private static long[][] Longs(GoldenModel golden, string prefix, string name)
    {
        var tensor = golden.Tensor($"{prefix}.{name}");
        return [.. MemoryMarshal.Cast<byte, long>(tensor.bytes).ToArray().Chunk((int)tensor.size(1))];
    }
}
