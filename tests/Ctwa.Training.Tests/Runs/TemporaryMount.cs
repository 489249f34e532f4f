using System.Diagnostics;
using Xunit;

namespace Ctwa.Training.Tests.Runs;

/// <summary>A small file system of its own, in memory; skips the test where it cannot be mounted (only root can).</summary>
internal sealed class TemporaryMount : IDisposable
{
    private readonly string _parent = Directory.CreateTempSubdirectory("ctwa-mount-").FullName;

    public TemporaryMount(long sizeBytes)
    {
        Path = System.IO.Path.Combine(_parent, "disk");
        Directory.CreateDirectory(Path);
        if (Call("mount", "-t", "tmpfs", "-o", $"size={sizeBytes}", "tmpfs", Path) is not { } failure) { return; }
        Directory.Delete(_parent, recursive: true);
        Assert.Skip($"a tmpfs cannot be mounted here ({failure}).");
    }

    public string Path { get; }

    /// <summary>Changes options, such as <c>ro</c> or <c>size=1m</c>.</summary>
    public void Remount(string options) => Assert.Null(Call("mount", "-o", "remount," + options, Path));

    public void Dispose()
    {
        _ = Call("umount", "-l", Path);
        Directory.Delete(_parent, recursive: true);
    }

    /// <summary>Null, or why it failed.</summary>
    private static string? Call(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : error.Trim();
        }
        catch (System.ComponentModel.Win32Exception failure)
        {
            return failure.Message;
        }
    }
}
