using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Logs;

namespace Ctwa.Client.Logs;

/// <summary>A run directory of this machine.</summary>
internal sealed class FileLogSource(string folder) : ILogSource
{
    private string LogFile => Path.Combine(folder, JobLogReader.FileName);

    public Task<JobLogPage> ReadAsync(long from, CancellationToken cancellationToken) => Task.FromResult(JobLogReader.Read(LogFile, from));

    // Whoever owns the run names itself in this file, and removes it in the end.
    public Task<bool> GoesOnAsync(CancellationToken cancellationToken) => Task.FromResult(File.Exists(Path.Combine(folder, "run.lock.holder")));

    public Task ExplainSilenceAsync(CancellationToken cancellationToken) => throw new CommandFailure(ExitCodes.BadInput, File.Exists(Path.Combine(folder, "job.yaml"))
        ? $"{folder} holds a run, but no {JobLogReader.FileName}: it is older than job logs, or has told nothing yet."
        : $"{folder} holds no job.yaml, so it is no run directory; name one, such as runs/NAME-DATE-TIME, or the id of a job.");
}
