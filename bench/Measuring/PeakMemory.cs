using System.Globalization;

namespace Ctwa.Bench.Measuring;

/// <summary>Most resident memory of this process since a moment, as Linux counts it.</summary>
internal static class PeakMemory
{
    /// <summary>Forgets the peak so far.</summary>
    public static void Reset()
    {
        GC.Collect();
        // "5" resets VmHWM; see proc(5).
        if (File.Exists("/proc/self/clear_refs")) { File.WriteAllText("/proc/self/clear_refs", "5"); }
    }

    /// <summary>Bytes; null where the system does not tell.</summary>
    public static long? Read() => Read("/proc/self/status");

    /// <summary>Of another process, since it began.</summary>
    public static long? Read(int process) => Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/status"));

    private static long? Read(string status) => File.Exists(status) && File.ReadLines(status).FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)) is { } found
        ? 1024 * long.Parse(found.AsSpan(6, found.Length - 8), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture)
        : null;
}
