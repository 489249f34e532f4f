using Ctwa.Training.Models;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>
/// Sequences of one micro-batch and where their response tokens are. Everything per token is packed: one entry per
/// response token, sequence after sequence, without padding.
/// </summary>
/// <param name="Sequences">What the model sees: prompts with their responses but for the last token, which is only predicted.</param>
/// <param name="Predicting">Places, among all of the model's outputs, that predict response tokens, int64 [tokens].</param>
/// <param name="Targets">The response tokens, int64 [tokens].</param>
/// <param name="TokenCount">How many.</param>
internal sealed record PackedBatch(TokenLayout Sequences, Tensor Predicting, Tensor Targets, int TokenCount)
{
    /// <summary>Lays out prompts and their responses. The tensors belong to the caller's dispose scope.</summary>
    /// <param name="prompts">Token ids, each at least one long.</param>
    /// <param name="responses">Token ids, each at least one long.</param>
    /// <param name="packed">Without padding between sequences; else right-padded to one width.</param>
    public static PackedBatch Of(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses, Device device, bool packed = false)
    {
        int[][] sequences = [.. prompts.Select((prompt, row) => (int[])[.. prompt, .. responses[row].AsSpan(..^1)])];
        int width = sequences.Max(sequence => sequence.Length), tokens = responses.Sum(response => response.Length);
        long[] predicting = new long[tokens], targets = new long[tokens];
        int at = 0, start = 0;
        for (int row = 0; row < sequences.Length; row++)
        {
            for (int i = 0; i < responses[row].Length; i++)
            {
                predicting[at] = start + prompts[row].Length - 1 + i;
                targets[at++] = responses[row][i];
            }

            start += packed ? sequences[row].Length : width;
        }

        var layout = packed ? TokenLayout.Packed(sequences, device) : TokenLayout.Padded(sequences, device);
        return new PackedBatch(layout, device.Place(predicting), device.Place(targets), tokens);
    }

    /// <summary>Hidden states [B, T, C] at the places that predict response tokens, shape [tokens, C].</summary>
    public Tensor SelectResponses(Tensor hidden) => hidden.reshape(-1, hidden.size(2)).index_select(0, Predicting);
}
