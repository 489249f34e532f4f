using System.Runtime.InteropServices;

namespace Ctwa.Grains.Channel;

/// <summary>
/// Threads that move bytes. Those for large pulls may be busy for long, and what a grain call needs is a processor for microseconds: so
/// they stand back (nice 5, which on Linux belongs to a thread). Where processors are idle this costs nothing; where they are not, calls
/// between grains and small pulls go first, and large pulls still get a third of what a computing thread gets. There is no way back
/// without privileges: hence threads, and connections, of their own.
/// </summary>
internal static partial class ChannelThread
{
    /// <summary>Bytes of a stack.</summary>
    private const int Stack = 512 << 10;

    private const int ProcessOrThread = 0, Calling = 0, Nice = 5;

    public static Thread Create(Action run, string name) => new(() => run(), Stack) { IsBackground = true, Name = name };

    /// <summary>From now on the calling thread lets others go first.</summary>
    public static void StandBack()
    {
        // Without effect where the kernel does not want it.
        if (OperatingSystem.IsLinux()) { _ = SetPriority(ProcessOrThread, Calling, Nice); }
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);
}
