using System.Runtime.InteropServices;

namespace Ctwa.Grains.Channel;

/// <summary>
/// Threads that move bytes. They may be busy for long, and what a grain call needs is a processor for microseconds: so they stand back
/// (SCHED_BATCH, nice 5). Where processors are idle this costs nothing; where they are not, calls between grains go first, and transfers
/// still get a third of what a computing thread gets. A kernel that does not know this leaves them as they are.
/// </summary>
internal static partial class ChannelThread
{
    /// <summary>Bytes of a stack.</summary>
    private const int Stack = 512 << 10;

    private const int Batch = 3;

    private const int Nice = 5;

    public static Thread Create(Action run, string name) => new(() =>
    {
        StandBack();
        run();
    }, Stack)
    { IsBackground = true, Name = name };

    private static void StandBack()
    {
        if (!OperatingSystem.IsLinux()) { return; }
        // Number of sched_setattr, which has no name in libc.
        long number = RuntimeInformation.ProcessArchitecture switch { Architecture.X64 => 314, Architecture.Arm64 => 274, _ => -1 };
        var attributes = new SchedulingAttributes { Size = (uint)Marshal.SizeOf<SchedulingAttributes>(), Policy = Batch, Nice = Nice };
        if (number >= 0) { _ = SystemCall(number, 0, in attributes, 0); }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SystemCall(long number, long thread, in SchedulingAttributes attributes, long flags);

    /// <summary>struct sched_attr of the kernel, first version.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SchedulingAttributes
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong Runtime;
        public ulong Deadline;
        public ulong Period;
    }
}
