namespace Ctwa.Training.Tokenization;

/// <summary>What a tokenizer.json says, checked: every merge is between known entries, and each id names one token.</summary>
/// <param name="Vocabulary">BPE entries, in the byte alphabet, with their ids.</param>
/// <param name="Merges">Ids of left part, right part and whole, best first.</param>
/// <param name="IgnoreMerges">A piece that is itself an entry becomes that entry, whatever the merges would make of it.</param>
/// <param name="Splitters">Applied one after the other, each to the pieces of the one before.</param>
internal sealed record TokenizerDefinition(
    Dictionary<string, int> Vocabulary,
    List<(int Left, int Right, int Merged)> Merges,
    bool IgnoreMerges,
    List<AddedToken> AddedTokens,
    bool NormalizesToNfc,
    List<ScalarSplitter> Splitters);
