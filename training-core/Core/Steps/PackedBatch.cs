using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>
/// Sequences of one micro-batch, right-padded, and where their response tokens are. Everything per token is packed:
/// one entry per response token, sequence after sequence, without padding.
/// </summary>
internal sealed record PackedBatch(Tensor Ids, Tensor Predicting, Tensor Targets, int TokenCount)
{
    /// <summary>Lays out prompts and their responses. The tensors belong to the caller's dispose scope.</summary>
    /// <param name="prompts">Token ids, each at least one long.</param>
    /// <param name="responses">Token ids, each at least one long.</param>
    public static PackedBatch Of(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses, Device device)
    {
        // The last token is only predicted, never an input.
        int width = Enumerable.Range(0, prompts.Count).Max(i => prompts[i].Length + responses[i].Length - 1);
        int tokens = responses.Sum(response => response.Length);
        long[] ids = new long[prompts.Count * width], predicting = new long[tokens], targets = new long[tokens];
        int at = 0;
        for (int row = 0; row < prompts.Count; row++)
        {
            int[] prompt = prompts[row], response = responses[row];
            for (int i = 0; i < prompt.Length; i++) { ids[row * width + i] = prompt[i]; }
            for (int i = 0; i < response.Length; i++)
            {
                if (i + 1 < response.Length) { ids[row * width + prompt.Length + i] = response[i]; }
                predicting[at] = row * width + prompt.Length - 1 + i;
                targets[at++] = response[i];
            }
        }

        return new PackedBatch(tensor(ids, [prompts.Count, width], device: device), tensor(predicting, device: device), tensor(targets, device: device), tokens);
    }

    /// <summary>Hidden states [B, T, C] at the positions that predict response tokens, shape [tokens, C].</summary>
    public Tensor SelectResponses(Tensor hidden) => hidden.reshape(-1, hidden.size(2)).index_select(0, Predicting);
}
