using System.Globalization;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Visible steps of a response, stricter than <see cref="ReferenceStepMarkers"/>: labels must count up from 1 (a, i),
/// bullets must open lines, and signs or decimals inside a line are no markers.
/// </summary>
internal static partial class StepMarkers
{
    /// <summary>Two or more steps: labels 1, 2 in order; or two bullet lines; or two ordinal words.</summary>
    public static bool AreVisible(string text) =>
        CountsUp(text) || Bullet().Count(text) >= 2 || ReferenceStepMarkers.CountOrdinals(PythonText.CodePoints(text)) >= 2;

    private static bool CountsUp(string text)
    {
        // Per style, whether its first label has been seen: an i is a roman one as well as a ninth letter.
        bool number = false, letter = false, roman = false;
        foreach (Match match in Label().Matches(text))
        {
            string label = match.Groups["label"].Value.ToUpperInvariant();
            bool isNumber = int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out int value);
            if ((number && isNumber && value == 2) || (letter && label == "B") || (roman && label == "II")) { return true; }
            number |= isNumber && value == 1;
            letter |= label == "A";
            roman |= label == "I";
        }

        return false;
    }

    /// <summary>
    /// At a line's start any of <c>) . : -</c> closes a label, also directly before the text ("1.5+2=7" is step 1). Inside
    /// a line only <c>)</c> and <c>:</c> do, before a blank: "is 1. Then 2. is" ends sentences, "3.5" is a number. Before
    /// a digit <c>-</c> and <c>:</c> close nothing: "1-2" is a difference.
    /// After the word "step" any of them does.
    /// </summary>
    [GeneratedRegex(@"(?:^[ \t]*\(?|(?<=\s)\()(?:step\s*)?(?<label>[0-9]{1,4}|[a-z]|[ivx]{1,5})(?:[).]|[:\-](?![0-9]))|(?<=\s)step\s*(?<label>[0-9]{1,4}|[a-z]|[ivx]{1,5})[).:\-]|(?<=\s)(?<label>[0-9]{1,4}|[a-z]|[ivx]{1,5})[):](?=\s|$)",
        RegexOptions.IgnoreCase | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    [GeneratedRegex(@"^[ \t]*[-*\u2022][ \t]+\S", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Bullet();
}
