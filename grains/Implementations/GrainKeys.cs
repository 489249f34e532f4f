using System.Globalization;

namespace Ctwa.Grains;

/// <summary>
/// Keys of a job's grains: <c>job/part</c>, and <c>job/part|silo</c> for those that are pinned to a silo, whose address is in
/// Orleans' parsable form. Job ids hold neither slash nor bar.
/// </summary>
internal static class GrainKeys
{
    private const char SiloMark = '|';

    /// <summary>Part that stands for the job as a whole.</summary>
    public const int Whole = -1;

    public static string Of(string jobId, int part) => string.Create(CultureInfo.InvariantCulture, $"{jobId}/{part}");

    public static string Of(string jobId, int part, string silo) => string.Create(CultureInfo.InvariantCulture, $"{jobId}/{part}{SiloMark}{silo}");

    public static (string JobId, int Part) Parse(string key)
    {
        int end = key.IndexOf(SiloMark, StringComparison.Ordinal) is var mark && mark < 0 ? key.Length : mark;
        int slash = key.LastIndexOf('/', end - 1);
        return (key[..slash], int.Parse(key.AsSpan(slash + 1, end - slash - 1), CultureInfo.InvariantCulture));
    }

    /// <summary>The silo that a key is pinned to; null: none.</summary>
    public static string? SiloOf(string key) => key.IndexOf(SiloMark, StringComparison.Ordinal) is var mark && mark < 0 ? null : key[(mark + 1)..];
}
