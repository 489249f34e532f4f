namespace Ctwa.Training.Models.Host;

/// <summary>Token sequences one behind the other, without padding.</summary>
internal sealed class HostBatch
{
    /// <param name="sequences">Each at least one token long.</param>
    public HostBatch(IReadOnlyList<int[]> sequences)
    {
        int count = sequences.Sum(sequence => sequence.Length);
        (Ids, Positions, Starts, Lengths) = (new int[count], new int[count], new int[sequences.Count], new int[sequences.Count]);
        int at = 0;
        for (int row = 0; row < sequences.Count; row++)
        {
            (Starts[row], Lengths[row]) = (at, sequences[row].Length);
            for (int i = 0; i < sequences[row].Length; i++, at++) { (Ids[at], Positions[at]) = (sequences[row][i], i); }
        }

        Longest = Lengths.Max();
    }

    /// <summary>Token ids, shape [N].</summary>
    public int[] Ids { get; }

    /// <summary>Of each token in its sequence, shape [N].</summary>
    public int[] Positions { get; }

    /// <summary>First token of each sequence.</summary>
    public int[] Starts { get; }

    /// <summary>Tokens of each sequence.</summary>
    public int[] Lengths { get; }

    public int Longest { get; }

    /// <summary>N.</summary>
    public int Tokens => Ids.Length;
}
