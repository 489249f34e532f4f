using System.Globalization;

namespace Ctwa.TestKit.Grid;

/// <summary>What silos say in their logs, whose lines begin with the time in UTC.</summary>
public static class SiloLog
{
    /// <summary>Orleans says these as soon as membership has declared another silo dead: its part of the directory is taken over, or calls to it are given up.</summary>
    public static IReadOnlyList<string> CallsDead { get; } = ["have been put under a lease", "The target silo became unavailable"];

    /// <summary>When a silo first said one of several things after a moment; null: it did not.</summary>
    public static DateTimeOffset? FirstSince(GridSilo silo, DateTimeOffset since, IReadOnlyList<string> words)
    {
        foreach (string line in silo.Process.ReadLog().Split('\n'))
        {
            int end = line.IndexOf(' ', StringComparison.Ordinal);
            if (end > 0 && words.Any(word => line.Contains(word, StringComparison.Ordinal))
                && DateTimeOffset.TryParse(line.AsSpan(0, end), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at >= since) { return at; }
        }

        return null;
    }
}
