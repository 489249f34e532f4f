using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>Options of the silo that say in words what is wrong with their value.</summary>
internal static class Values
{
    /// <summary>A whole number.</summary>
    public static Option<int> Whole(string name, string description, int least, int most, int otherwise, string help = "N") => new(name)
    {
        Description = description,
        HelpName = help,
        DefaultValueFactory = _ => otherwise,
        CustomParser = result => ParseWhole(result, name, least, most) ?? otherwise,
    };

    /// <summary>A whole number that may be left out.</summary>
    public static Option<int?> OptionalWhole(string name, string description, int least, int most, string help = "N") => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => ParseWhole(result, name, least, most),
    };

    /// <summary>A TCP port, 0 for any free one.</summary>
    public static Option<int> Port(string name, string description) => Whole(name, description + " 0 (default): any free one.", 0, 65535, 0, "PORT");

    /// <summary>Text that <paramref name="parse"/> understands.</summary>
    /// <typeparam name="T">What the text stands for.</typeparam>
    /// <param name="parse">Throws <see cref="FormatException"/> with the part of the message after the option's name.</param>
    public static Option<T?> Of<T>(string name, string help, string description, Func<string, T?> parse) => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result =>
        {
            try { return parse(result.Tokens is [var token, ..] ? token.Value : ""); }
            catch (FormatException wrong)
            {
                result.AddError($"{name} {wrong.Message}");
                return default;
            }
        },
    };

    /// <summary>An option's value for checks against others; <paramref name="otherwise"/> if it is not given or wrong, which is reported already.</summary>
    public static T? Peek<T>(ParseResult parsed, Option<T> option, T? otherwise = default)
    {
        if (parsed.GetResult(option) is null or { Implicit: true }) { return otherwise; }
        try { return parsed.GetValue(option); }
        catch (InvalidOperationException) { return otherwise; }
    }

    /// <summary>One of some words; the first is what stands without the option.</summary>
    public static Option<string> Word(string name, string description, params string[] words) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', words),
        DefaultValueFactory = _ => words[0],
        CustomParser = result =>
        {
            string text = result.Tokens is [var token, ..] ? token.Value : "";
            if (!words.Contains(text)) { result.AddError($"{name} is '{text}'; accepted are {string.Join(" and ", words)}."); }
            return text;
        },
    };

    private static int? ParseWhole(ArgumentResult result, string name, int least, int most)
    {
        string text = result.Tokens is [var token, ..] ? token.Value : "";
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most) { return value; }
        result.AddError(FormattableString.Invariant($"{name} is '{text}'; accepted is a whole number from {least} to {most}."));
        return null;
    }
}
