namespace Ctwa.Training.Runs;

/// <summary>Files that are either the old or the new version, never half of one.</summary>
internal static class AtomicFile
{
    /// <summary>Writes to a temporary name and renames.</summary>
    /// <param name="path">Target; replaced if it exists.</param>
    /// <param name="content">New content.</param>
    /// <param name="durable">Also survive a power failure (fsync); a rename alone survives the death of the process.</param>
    public static void Write(string path, ReadOnlySpan<byte> content, bool durable)
    {
        string temporary = path + ".tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                stream.Write(content);
                stream.Flush(durable);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (IOException)
        {
            // Half a file on a full disk helps nobody.
            try { File.Delete(temporary); } catch (IOException) { }
            throw;
        }

        if (durable) { SyncFolder(Path.GetDirectoryName(path)!); }
    }

    /// <summary>Makes a folder's entries (renames within it) survive a power failure.</summary>
    public static void SyncFolder(string folder)
    {
        // .NET cannot open a folder for writing; fsync on a read-only descriptor of it is what POSIX wants.
        int descriptor = NativeMethods.Open(folder, NativeMethods.ReadOnlyDirectory);
        if (descriptor < 0) { return; }
        _ = NativeMethods.Sync(descriptor);
        _ = NativeMethods.Close(descriptor);
    }
}

internal static partial class NativeMethods
{
    public const int ReadOnlyDirectory = 0x10000; // O_RDONLY | O_DIRECTORY

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "open", StringMarshalling = System.Runtime.InteropServices.StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "fsync")]
    public static partial int Sync(int descriptor);

    [System.Runtime.InteropServices.LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);
}
