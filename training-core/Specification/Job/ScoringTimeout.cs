using System.Globalization;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Specification;

/// <summary>Reads <see cref="ObjectiveSpec.Timeout"/>: a number and a unit, <c>500ms</c>, <c>5s</c> or <c>2m</c>.</summary>
public static partial class ScoringTimeout
{
    /// <summary>Longest accepted: a step must not hang longer on one scoring call (invariant I11).</summary>
    public static TimeSpan Longest { get; } = TimeSpan.FromMinutes(5);

    /// <summary>The time allowed for one scoring call of a checked objective.</summary>
    /// <exception cref="FormatException">The text is no duration; a checked job has none such.</exception>
    public static TimeSpan Of(ObjectiveSpec objective) => Parse($"timeout of objective {objective.Name}", objective.Timeout);

    /// <summary>A duration of a checked job.</summary>
    /// <param name="what">Names it in the error.</param>
    /// <param name="text">The duration.</param>
    /// <exception cref="FormatException">The text is no duration; a checked job has none such.</exception>
    public static TimeSpan Parse(string what, string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"{what} is '{text}'; accepted are durations such as 500ms, 5s or 2m, up to 5m.");

    /// <summary>False unless the text is a duration greater than 0 and at most <see cref="Longest"/>.</summary>
    public static bool TryParse(string text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        var match = Form().Match(text);
        if (!match.Success) { return false; }
        double number = double.Parse(match.Groups[1].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        double milliseconds = number * match.Groups[2].Value switch { "ms" => 1, "s" => 1000, _ => 60_000 };
        if (milliseconds is < 1 || milliseconds > Longest.TotalMilliseconds) { return false; }
        value = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }

    [GeneratedRegex(@"^([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(ms|s|m)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
