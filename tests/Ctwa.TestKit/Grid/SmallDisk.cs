using System.Globalization;

namespace Ctwa.TestKit.Grid;

/// <summary>A file system of its own in memory that can be filled; only root can mount one.</summary>
public sealed class SmallDisk : IAsyncDisposable
{
    private SmallDisk(string path) => FullPath = path;

    public string FullPath { get; }

    private string Ballast => Path.Combine(FullPath, "ballast");

    /// <summary>Mounts one on an empty folder; or says why it cannot be.</summary>
    public static async Task<(SmallDisk? Disk, string? WhyNot)> TryMountAsync(string folder, long sizeBytes)
    {
        Directory.CreateDirectory(folder);
        var (code, output) = await Programs.RunAsync(TimeSpan.FromSeconds(10), "/", "mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={sizeBytes}"), "tmpfs", folder);
        return code == 0 ? (new SmallDisk(folder), null) : (null, $"a tmpfs cannot be mounted here ({output.Trim()})");
    }

    /// <summary>Takes all free space.</summary>
    public void Fill()
    {
        byte[] block = new byte[1 << 16];
        try
        {
            using var file = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
            while (true) { file.Write(block); }
        }
        catch (IOException)
        {
            // Full, as asked for. The rest smaller than a block is taken by pages.
        }

        try
        {
            using var file = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
            while (true) { file.Write(block, 0, 4096); }
        }
        catch (IOException)
        {
            // Full to the last page.
        }
    }

    /// <summary>Gives it back.</summary>
    public void Free() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        await Programs.RunAsync(TimeSpan.FromSeconds(10), "/", "umount", "-l", FullPath);
        Directory.Delete(FullPath, recursive: true);
    }
}
