using System.Diagnostics;
using System.Globalization;

namespace Ctwa.Training.Runs;

/// <summary>
/// A coordinator's claim to a run directory that several machines see. The file <c>run.fence</c> holds the highest epoch; every
/// durable write happens while its lock is held and only if the epoch is still the writer's own. So a coordinator that was
/// frozen, replaced and woke again cannot change a byte, at whatever instruction it was frozen (invariants I5, I6).
/// </summary>
internal sealed class RunFence
{
    /// <summary>Name in the run directory.</summary>
    public const string FileName = "run.fence";

    /// <summary>Nothing waits without a deadline (invariant I11). A frozen holder of the lock is let go by its death at the latest.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static long s_refusals;
    private readonly string _path;

    private RunFence(string path, long epoch) => (_path, Epoch) = (path, epoch);

    /// <summary>Writes that were refused in this process because a later coordinator owns the run.</summary>
    public static long Refusals => Interlocked.Read(ref s_refusals);

    /// <summary>The claimant's epoch.</summary>
    public long Epoch { get; }

    /// <summary>Highest epoch that has claimed a run directory; 0: none.</summary>
    public static long Highest(string folder)
    {
        using var held = Acquire(Path.Combine(folder, FileName));
        return Read(held);
    }

    /// <summary>Claims a run directory: from now on earlier epochs are refused.</summary>
    /// <exception cref="RunFencedException">A later coordinator was faster.</exception>
    public static RunFence Claim(string folder, long epoch)
    {
        var fence = new RunFence(Path.Combine(folder, FileName), epoch);
        using var held = Acquire(fence._path);
        long highest = Read(held);
        if (highest >= epoch) { throw Refuse(fence._path, epoch, highest); }
        held.SetLength(0);
        held.Write(System.Text.Encoding.ASCII.GetBytes(epoch.ToString(CultureInfo.InvariantCulture)));
        held.Flush(flushToDisk: true);
        return fence;
    }

    /// <summary>Runs a durable write, unless a later coordinator owns the run.</summary>
    /// <exception cref="RunFencedException">One does; nothing was written.</exception>
    public void Do(Action write)
    {
        using var held = Acquire(_path);
        long highest = Read(held);
        if (highest != Epoch) { throw Refuse(_path, Epoch, highest); }
        write();
    }

    private static RunFencedException Refuse(string path, long epoch, long highest)
    {
        Interlocked.Increment(ref s_refusals);
        return new RunFencedException($"coordinator {epoch} of '{Path.GetDirectoryName(path)}' has been replaced by coordinator {highest}; nothing was written.");
    }

    private static FileStream Acquire(string path)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                // FileShare.None is an exclusive flock, released by the operating system when its holder dies.
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException failure) when (failure.HResult == RunDirectory.LockedByAnother)
            {
                if (clock.Elapsed > s_patience) { throw new RunDirectoryException($"'{path}' has been locked for {s_patience.TotalSeconds:0} s by another coordinator that does not go on; end its silo, then resume the run.", failure); }
                Thread.Sleep(2);
            }
        }
    }

    private static long Read(FileStream held)
    {
        Span<byte> text = stackalloc byte[32];
        held.Position = 0;
        int length = held.Read(text);
        held.Position = 0;
        return length > 0 && long.TryParse(text[..length], NumberStyles.None, CultureInfo.InvariantCulture, out long epoch) ? epoch : 0;
    }
}

/// <summary>This coordinator has been replaced: what it wanted to write belongs to nobody's history.</summary>
public sealed class RunFencedException : Exception
{
    public RunFencedException() { }
    public RunFencedException(string message) : base(message) { }
    public RunFencedException(string message, Exception inner) : base(message, inner) { }
}
