namespace Ctwa.Client.Live;

/// <summary>A curve in one line of text: each character's height is a value between the smallest and the largest.</summary>
internal static class Sparkline
{
    /// <param name="values">Oldest first.</param>
    /// <param name="glyphs">Heights.</param>
    /// <returns>As many characters as values; a constant curve is drawn in the middle.</returns>
    public static string Draw(ReadOnlySpan<double> values, Glyphs glyphs)
    {
        if (values.IsEmpty) { return ""; }
        double least = double.PositiveInfinity, most = double.NegativeInfinity;
        foreach (double value in values) { (least, most) = (Math.Min(least, value), Math.Max(most, value)); }
        char[] line = new char[values.Length];
        int levels = glyphs.Levels.Length;
        for (int i = 0; i < line.Length; i++)
        {
            int level = most > least ? (int)((values[i] - least) / (most - least) * levels) : levels / 2;
            line[i] = glyphs.Levels[Math.Clamp(level, 0, levels - 1)];
        }

        return new string(line);
    }
}
