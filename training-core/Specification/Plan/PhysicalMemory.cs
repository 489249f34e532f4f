using System.Globalization;

namespace Ctwa.Training.Specification;

/// <summary>Memory of this machine.</summary>
public static class PhysicalMemory
{
    /// <summary>Bytes of physical memory (MemTotal of /proc/meminfo); null where that cannot be told.</summary>
    public static long? Read(string file = "/proc/meminfo")
    {
        try
        {
            foreach (string line in File.ReadLines(file))
            {
                if (!line.StartsWith("MemTotal:", StringComparison.Ordinal)) { continue; }
                string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                return words is [_, var number, "kB"] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes * 1024 : null;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }

        return null;
    }
}
