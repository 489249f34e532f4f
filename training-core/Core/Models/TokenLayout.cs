using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Models;

/// <summary>
/// Several token sequences as a model takes them: right-padded to one width, or packed one behind the other without padding.
/// Packed, linear layers and norms touch real tokens only; attention alone is laid out per sequence. Letters: R sequences, W the
/// longest, N all tokens.
/// </summary>
/// <param name="Ids">int64, padded [R, W] or packed [1, N].</param>
/// <param name="Positions">Packed: position of each token in its sequence, int64 [1, N]; null: padded.</param>
/// <param name="ToPadded">Packed: token at each place of [R × W], int64; padding repeats token 0, which nothing then looks at.</param>
/// <param name="ToPacked">Packed: place in [R × W] of each token, int64 [N].</param>
/// <param name="Rows">R.</param>
/// <param name="Width">W.</param>
public sealed record TokenLayout(Tensor Ids, Tensor? Positions, Tensor? ToPadded, Tensor? ToPacked, long Rows, long Width)
{
    /// <summary>Right-padded with id 0. The tensors belong to the caller's dispose scope.</summary>
    public static TokenLayout Padded(IReadOnlyList<int[]> sequences, Device device)
    {
        int width = sequences.Max(sequence => sequence.Length);
        long[] ids = new long[sequences.Count * width];
        for (int row = 0; row < sequences.Count; row++)
        {
            for (int i = 0; i < sequences[row].Length; i++) { ids[row * width + i] = sequences[row][i]; }
        }

        return new TokenLayout(device.Place(ids, sequences.Count, width), null, null, null, sequences.Count, width);
    }

    /// <summary>One behind the other. The tensors belong to the caller's dispose scope.</summary>
    public static TokenLayout Packed(IReadOnlyList<int[]> sequences, Device device)
    {
        int width = sequences.Max(sequence => sequence.Length), count = sequences.Sum(sequence => sequence.Length);
        long[] ids = new long[count], positions = new long[count], toPacked = new long[count], toPadded = new long[sequences.Count * width];
        int at = 0;
        for (int row = 0; row < sequences.Count; row++)
        {
            for (int i = 0; i < sequences[row].Length; i++, at++)
            {
                ids[at] = sequences[row][i];
                positions[at] = i;
                toPacked[at] = row * width + i;
                toPadded[row * width + i] = at;
            }
        }

        return new TokenLayout(
            device.Place(ids, 1, count), device.Place(positions, 1, count), device.Place(toPadded), device.Place(toPacked), sequences.Count, width);
    }
}
