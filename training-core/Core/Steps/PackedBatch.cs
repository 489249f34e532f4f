using Ctwa.Training.Models;
using Ctwa.Training.Models.Host;
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

    /// <summary>Lays them out for <see cref="HostDecoder"/>, which takes no tensors: the batch's tensors are null.</summary>
    /// <param name="prompts">Token ids, each at least one long.</param>
    /// <param name="responses">Token ids, each at least one long.</param>
    public static PackedBatch ForHost(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses)
    {
        int[][] sequences = [.. prompts.Select((prompt, row) => (int[])[.. prompt, .. responses[row].AsSpan(..^1)])];
        int tokens = responses.Sum(response => response.Length), at = 0, start = 0;
        int[] places = new int[tokens], targets = new int[tokens];
        for (int row = 0; row < sequences.Length; row++)
        {
            for (int i = 0; i < responses[row].Length; i++, at++) { (places[at], targets[at]) = (start + prompts[row].Length - 1 + i, responses[row][i]); }
            start += sequences[row].Length;
        }

        return new PackedBatch(null!, null!, null!, tokens) { Host = new HostPlaces(new HostBatch(sequences), places, targets, [.. responses.Select(response => response.Length)]) };
    }

    /// <summary>What <see cref="HostDecoder"/> takes; null where tensors are used.</summary>
    public HostPlaces? Host { get; private init; }

    /// <summary>Hidden states [B, T, C] at the places that predict response tokens, shape [tokens, C].</summary>
    public Tensor SelectResponses(Tensor hidden) => hidden.reshape(-1, hidden.size(2)).index_select(0, Predicting);
}

/// <summary>A packed batch on the host.</summary>
/// <param name="Sequences">What the model sees.</param>
/// <param name="Predicting">Index of the token that predicts each response token, shape [tokens].</param>
/// <param name="Targets">The response tokens, shape [tokens].</param>
/// <param name="Responses">Length of each response.</param>
internal sealed record HostPlaces(HostBatch Sequences, int[] Predicting, int[] Targets, int[] Responses);
