using System.Text.RegularExpressions;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// GSM8K scoring with the behaviour of the reference implementation, defects included: only the last 300 characters are read,
/// answers are compared as strings (5. is not 5), flexible extraction keeps separators and may choose a lone comma.
/// </summary>
internal static partial class ReferenceGsm8kAnswer
{
    private const int Clip = 300;

    public static double Score(string response, string groundTruth, Gsm8kRewardSpec spec) => Extract(response, spec.Method) is not { } answer ? 0
        : answer == groundTruth ? spec.Score : spec.FormatScore;

    /// <summary>The answer as text; null if there is none.</summary>
    public static string? Extract(string response, AnswerMethod method)
    {
        string text = LastCodePoints(response);
        if (method == AnswerMethod.Strict)
        {
            return Marked().Matches(text) is { Count: > 0 } marked ? marked[^1].Groups[1].Value.Replace(",", "", StringComparison.Ordinal) : null;
        }

        var numbers = Number().Matches(text);
        if (numbers.Count == 0) { return null; }
        // The loop of the reference ends with the first one if all of them are lone points.
        return (numbers.LastOrDefault(number => number.Value != ".") ?? numbers[0]).Value;
    }

    private static string LastCodePoints(string text)
    {
        int at = text.Length;
        for (int count = 0; count < Clip && at > 0; count++) { at -= at > 1 && char.IsLowSurrogate(text[at - 1]) && char.IsHighSurrogate(text[at - 2]) ? 2 : 1; }
        return text[at..];
    }

    [GeneratedRegex(@"#### (-?[0-9.,]+)", RegexOptions.CultureInvariant)]
    private static partial Regex Marked();

    [GeneratedRegex(@"-?[0-9.,]+", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
