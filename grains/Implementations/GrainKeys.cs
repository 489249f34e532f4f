using System.Globalization;

namespace Ctwa.Grains;

/// <summary>Keys of a job's grains: <c>job/part</c>. Job ids hold no slash.</summary>
internal static class GrainKeys
{
    public static string Of(string jobId, int part) => string.Create(CultureInfo.InvariantCulture, $"{jobId}/{part}");

    public static (string JobId, int Part) Parse(string key)
    {
        int slash = key.LastIndexOf('/');
        return (key[..slash], int.Parse(key.AsSpan(slash + 1), CultureInfo.InvariantCulture));
    }
}
