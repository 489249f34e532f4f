using BenchmarkDotNet.Attributes;
using Ctwa.Training.Tokenization;

namespace Ctwa.Bench.Kernels;

/// <summary>Bytes of a word to one token, when the word has not been seen before.</summary>
public class MergeKernels
{
    // No letter twice: no merge fits where it is not meant.
    private const string Word = "abcdefghijklmnopqrst";

    private BytePairMerger? _merger;

    [GlobalSetup]
    public void Prepare()
    {
        // Bytes, then halves of the word, halves of these, ...: every merge is made.
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int value = 0; value < 256; value++) { vocabulary[ByteAlphabet.Character((byte)value).ToString()] = value; }
        var merges = new List<(int Left, int Right, int Merged)>();
        List<string> parts = [.. Word.Select(letter => letter.ToString())];
        while (parts.Count > 1)
        {
            var next = new List<string>();
            for (int i = 0; i < parts.Count; i += 2)
            {
                if (i + 1 == parts.Count) { next.Add(parts[i]); break; }
                string whole = parts[i] + parts[i + 1];
                vocabulary.TryAdd(whole, vocabulary.Count);
                merges.Add((vocabulary[parts[i]], vocabulary[parts[i + 1]], vocabulary[whole]));
                next.Add(whole);
            }

            parts = next;
        }

        _merger = new BytePairMerger(vocabulary, merges);
        if (_merger.Merge(Word) is not [_]) { throw new InvalidOperationException($"'{Word}' does not become one token: not every merge is measured."); }
    }

    [Benchmark(Description = "BytePairMerger.Merge, a word of 20 letters")]
    public int[] Merge() => _merger!.Merge(Word);
}
