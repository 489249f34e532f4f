namespace Ctwa.Training.Datasets;

/// <summary>
/// The pieces of text that the task is written with. Those of <see cref="Merged"/> are one token each, so the texts of
/// <see cref="ArithmeticSolutionWriter"/> have the lengths that the quick-start's balance of objectives rests on.
/// </summary>
internal static class ArithmeticVocabulary
{
    public const string Box = "\\boxed{", Sum = "sum", And = " and ", So = " so ";

    /// <summary>Line numbers. The space keeps <c>1. 5+2=7</c> from reading as the decimal number 1.5.</summary>
    public static IReadOnlyList<string> LineNumbers { get; } = ["1. ", "\n2. ", "\n3. ", "\n4. "];

    /// <summary>
    /// Filler words. None is an ordinal, <c>then</c> or <c>next</c>, and none has a letter or digit before
    /// <c>.</c> <c>:</c> <c>)</c> <c>-</c>: those would count as numbered steps.
    /// </summary>
    public static IReadOnlyList<string> Fillers { get; } = ["well ", "ok ", "hmm ", "let me see ", "we get ", "i think ", "that is ", "now ", "here "];

    /// <summary>Single characters, one token each: all of the task's, and the rest of lower-case text for prompts of the user's own.</summary>
    public const string Characters = "0123456789abcdefghijklmnopqrstuvwxyz+*=?\\{}. \n,-/()<>_^!:;'%$";

    /// <summary>Pieces of several characters that are one token.</summary>
    public static IReadOnlyList<string> Merged { get; } = [Box, .. LineNumbers, Sum, And, So, .. Fillers];
}
