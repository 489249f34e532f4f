namespace Ctwa.Client.Live;

/// <summary>Characters of the live view: block elements, or ASCII where the terminal's locale knows no others.</summary>
/// <param name="Levels">Eight heights of a sparkline, lowest first.</param>
/// <param name="Done">The part of a progress bar that is done.</param>
/// <param name="ToDo">The rest of it.</param>
/// <param name="Bar">A bar in a table.</param>
/// <param name="Cut">Marks a text that was cut.</param>
/// <param name="PlusMinus">Before a standard error.</param>
internal sealed record Glyphs(string Levels, char Done, char ToDo, char Bar, string Cut, string PlusMinus)
{
    public static Glyphs Unicode { get; } = new("▁▂▃▄▅▆▇█", '━', '─', '█', "…", "±");

    public static Glyphs Ascii { get; } = new("_.,-=+*#", '=', '-', '#', "~", "+-");

    /// <summary>Those of the locale: the first of LC_ALL, LC_CTYPE and LANG that is set counts, as for every program.</summary>
    /// <param name="environment">Reads variables.</param>
    public static Glyphs For(Func<string, string?> environment) => IsUtf8(environment) ? Unicode : Ascii;

    public static bool IsUtf8(Func<string, string?> environment)
    {
        string? locale = ((string[])["LC_ALL", "LC_CTYPE", "LANG"]).Select(environment).FirstOrDefault(value => value is { Length: > 0 });
        return locale?.Replace("-", "", StringComparison.Ordinal).Contains("utf8", StringComparison.OrdinalIgnoreCase) == true;
    }
}
