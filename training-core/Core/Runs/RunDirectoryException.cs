namespace Ctwa.Training.Runs;

/// <summary>A run directory cannot be used; the message says why and what to do.</summary>
public sealed class RunDirectoryException : IOException
{
    public RunDirectoryException() { }
    public RunDirectoryException(string message) : base(message) { }
    public RunDirectoryException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Runs a piece of work on a run's files and turns what storage throws (full, read-only, gone) into this exception.</summary>
    /// <param name="path">What is written, for the message.</param>
    /// <param name="work">The work.</param>
    internal static void Guard(string path, Action work)
    {
        try
        {
            work();
        }
        catch (Exception failure) when (IsStorage(failure))
        {
            throw Of(path, failure);
        }
    }

    /// <summary>The same for work that waits.</summary>
    internal static async Task GuardAsync(string path, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception failure) when (IsStorage(failure))
        {
            throw Of(path, failure);
        }
    }

    /// <summary>Whether storage failed and nobody has explained it yet.</summary>
    internal static bool IsStorage(Exception failure) => failure is (IOException and not RunDirectoryException) or UnauthorizedAccessException;

    private static RunDirectoryException Of(string path, Exception failure) =>
        new($"'{path}' could not be written: {failure.Message.TrimEnd('.')}. Free disk space or permissions, then resume the run; its checkpoints are untouched.", failure);
}
