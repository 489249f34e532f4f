namespace Ctwa.Silo.Hosting;

/// <summary>The folder of a silo's own records, which no other process may use meanwhile. The lock ends with the process.</summary>
internal sealed class DataFolder : IDisposable
{
    private const string LockName = "silo.lock";

    private readonly FileStream _lock;

    private DataFolder(FileStream held) => _lock = held;

    /// <summary>Makes the folder if it is not there, and locks it.</summary>
    /// <exception cref="SiloFailure">It cannot be made or written, or another process holds it.</exception>
    public static DataFolder Open(string path)
    {
        try { Directory.CreateDirectory(path); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SiloFailure(SiloExitCodes.StorageFailed, $"--data {path} cannot be made: {error.Message}", error);
        }

        try { return new DataFolder(new FileStream(Path.Combine(path, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SiloFailure(SiloExitCodes.StorageFailed, $"--data {path} cannot be used: {error.Message} Each silo needs a folder of its own that it may write.", error);
        }
    }

    public void Dispose() => _lock.Dispose();
}
