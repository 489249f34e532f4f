using System.Runtime.InteropServices;

namespace Ctwa.Client.Doctor;

/// <summary>Asks the system what this user may do, without doing it.</summary>
internal static class NativeFile
{
    private const int Write = 2, Execute = 1;

    /// <summary>Whether files can be made in a folder.</summary>
    public static bool MayWrite(string folder) => Access(folder, Write | Execute) == 0;

#pragma warning disable SYSLIB1054, CA2101 // The generated form needs unsafe code; paths are UTF-8 here.
    [DllImport("libc", EntryPoint = "access")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Access([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int mode);
#pragma warning restore SYSLIB1054, CA2101
}
