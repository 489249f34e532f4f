using System.Globalization;

namespace Ctwa.Client.Jobs;

/// <summary>The folder of one run: resolved job, metrics, samples, checkpoints, the silo's log. Its name is the job's id.</summary>
internal sealed class RunDirectory
{
    // The log, the grid's lock, who held it: killed before the job was written, a start leaves these and no run.
    private static readonly string[] LeftByFailedStart = ["silo.log", "run.lock", "run.lock.holder", "job.yaml.tmp"];

    private readonly string currentFolder;

    private RunDirectory(string fullPath, string currentFolder)
    {
        FullPath = Path.TrimEndingDirectorySeparator(fullPath);
        this.currentFolder = currentFolder;
    }

    public string FullPath { get; }

    public string JobId => Path.GetFileName(FullPath);

    /// <summary>The silo's output; several starts of one run append to it.</summary>
    public string LogPath => Path.Combine(FullPath, "silo.log");

    /// <summary>The resolved job, written when the grid accepted it.</summary>
    public string JobPath => Path.Combine(FullPath, "job.yaml");

    public bool IsResumable => File.Exists(JobPath);

    public string ResumeCommand => $"{Invocation} train --resume {ShellQuote(Display())}";

    /// <summary>How this client is called: by its own name where it is installed, through the SDK from a checkout's build output.</summary>
    public static string Invocation { get; } = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}client{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
        ? "dotnet run --project client --"
        : "ctwa";

    /// <summary>A new folder <c>NAME-yyyyMMdd-HHmmss</c>, with <c>-2</c> and so on where that is taken, also by a start in the same moment.</summary>
    /// <exception cref="CommandFailure">It cannot be made.</exception>
    public static RunDirectory CreateNew(string jobName, string currentFolder, DateTimeOffset now)
    {
        string stem = Path.Combine(currentFolder, "runs", $"{jobName}-{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}");
        for (int number = 1; ; number++)
        {
            var run = new RunDirectory(number == 1 ? stem : $"{stem}-{number.ToString(CultureInfo.InvariantCulture)}", currentFolder);
            if (run.TryClaim()) { return run; }
        }
    }

    /// <summary>The folder that the user named; it must be new, empty, or hold nothing but what a start leaves that never came to its job.</summary>
    /// <exception cref="CommandFailure">It holds something, or cannot be made.</exception>
    public static RunDirectory CreateAt(string path, string currentFolder)
    {
        var run = new RunDirectory(Path.GetFullPath(path, currentFolder), currentFolder);
        run.OrFail(() => Directory.CreateDirectory(run.FullPath));
        if (Directory.EnumerateFileSystemEntries(run.FullPath).FirstOrDefault(entry => !LeftByFailedStart.Contains(Path.GetFileName(entry))) is { } entry)
        {
            string advice = run.IsResumable ? $", or continue the run in it: {run.ResumeCommand}" : "";
            throw new CommandFailure(ExitCodes.BadInput, $"--output {path} is not empty (it holds {Path.GetFileName(entry)}); name a new or empty folder{advice}.");
        }

        return run;
    }

    /// <summary>The folder of an earlier run.</summary>
    /// <exception cref="CommandFailure">It is not one.</exception>
    public static RunDirectory Open(string path, string currentFolder)
    {
        var run = new RunDirectory(Path.GetFullPath(path, currentFolder), currentFolder);
        if (!Directory.Exists(run.FullPath)) { throw new CommandFailure(ExitCodes.BadInput, $"--resume {path}: there is no such folder; name a run directory, such as runs/NAME-DATE-TIME."); }
        return run.IsResumable
            ? run
            : throw new CommandFailure(ExitCodes.BadInput, $"--resume {path}: it holds no job.yaml, so it is not a run directory or its job never started; start the job anew.");
    }

    /// <summary>A run directory of a grid, which this machine need not see.</summary>
    public static RunDirectory OnGrid(string fullPath, string currentFolder) => new(fullPath, currentFolder);

    /// <summary>A path for people: relative to the current folder where it lies below it.</summary>
    public string Display(string? path = null) => Shown(path ?? FullPath, currentFolder);

    /// <summary>The same for any path.</summary>
    public static string Shown(string path, string currentFolder)
    {
        string relative = Path.GetRelativePath(currentFolder, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }

    // The log, created exclusively, claims the folder: creating a folder is no test of who was first.
    private bool TryClaim()
    {
        if (Directory.Exists(FullPath)) { return false; }
        OrFail(() => Directory.CreateDirectory(FullPath));
        try
        {
            using var claim = new FileStream(LogPath, FileMode.CreateNew);
            return true;
        }
        catch (IOException) when (File.Exists(LogPath))
        {
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }
    }

    private void OrFail(Action action)
    {
        try { action(); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw Unwritable(e); }
    }

    private CommandFailure Unwritable(Exception e) => new(
        ExitCodes.StorageFailed, $"cannot create the run directory {Display()}: {e.Message} Choose a writable place with --output DIR.");

    /// <summary>A text as one word of a shell command.</summary>
    public static string ShellQuote(string path) =>
        path.All(c => char.IsLetterOrDigit(c) || "/._-+:@%,=".Contains(c)) ? path : $"'{path.Replace("'", "'\\''")}'";
}
