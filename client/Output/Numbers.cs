using System.Globalization;

namespace Ctwa.Client.Output;

/// <summary>Numbers for people, the same in every culture.</summary>
internal static class Numbers
{
    /// <summary>A score: three decimals.</summary>
    public static string Score(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    public static string Signed(double value, int decimals = 3)
    {
        string digits = new('0', decimals);
        return value.ToString($"+0.{digits};-0.{digits};0.{digits}", CultureInfo.InvariantCulture);
    }

    /// <summary>Four significant digits, for numbers of unknown size such as losses.</summary>
    public static string Short(double value) => value.ToString("0.####;-0.####;0", CultureInfo.InvariantCulture) is var text && text is not "0" || value == 0
        ? text
        : value.ToString("0.0e0", CultureInfo.InvariantCulture);

    /// <summary>Tokens per second and the like: <c>874</c>, <c>12.3k</c>.</summary>
    public static string Rate(double value) => value < 10_000
        ? value.ToString("0", CultureInfo.InvariantCulture)
        : (value / 1000).ToString("0.0", CultureInfo.InvariantCulture) + "k";

    /// <summary><c>128 GiB</c>, <c>7.6 GiB</c>, <c>512 MiB</c>.</summary>
    public static string Memory(long bytes) => bytes switch
    {
        >= 10L << 30 => FormattableString.Invariant($"{bytes / (double)(1 << 30):0} GiB"),
        >= 1L << 30 => FormattableString.Invariant($"{bytes / (double)(1 << 30):0.0} GiB"),
        _ => FormattableString.Invariant($"{bytes / (double)(1 << 20):0} MiB"),
    };

    public static string One(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary><c>20 ms</c>, <c>4.2 s</c>, <c>42 s</c>, <c>3 min 05 s</c>, <c>2 h 04 min</c>.</summary>
    public static string Duration(double seconds)
    {
        if (seconds is > 0 and < 0.0995) { return FormattableString.Invariant($"{seconds * 1000:0} ms"); }
        if (seconds < 9.95) { return One(Math.Max(seconds, 0)) + " s"; }
        long whole = (long)Math.Round(seconds);
        return whole switch
        {
            < 60 => FormattableString.Invariant($"{whole} s"),
            < 3600 => FormattableString.Invariant($"{whole / 60} min {whole % 60:00} s"),
            _ => FormattableString.Invariant($"{whole / 3600} h {whole % 3600 / 60:00} min"),
        };
    }
}
