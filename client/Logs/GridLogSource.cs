using Ctwa.Client.Grid;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Logs;

namespace Ctwa.Client.Logs;

/// <summary>A grid that may see storage which this machine does not.</summary>
internal sealed class GridLogSource(IGridGrain grid, PatientCalls calls, string jobId, TextWriter error) : ILogSource
{
    private JobRecord? job;

    public async Task<JobLogPage> ReadAsync(long from, CancellationToken cancellationToken)
    {
        job ??= await GetAsync(cancellationToken);
        return await calls.CallAsync(token => grid.Log(jobId, from, token), cancellationToken);
    }

    public async Task<bool> GoesOnAsync(CancellationToken cancellationToken)
    {
        job = await GetAsync(cancellationToken);
        return !job.HasEnded && job.State != JobState.Paused;
    }

    public async Task ExplainSilenceAsync(CancellationToken cancellationToken)
    {
        job = await GetAsync(cancellationToken);
        await error.WriteLineAsync(job.StartedAt is null
            ? $"{jobId} has told nothing: it is {JobListText.State(job)} and has not run yet"
            : $"no silo sees lines in {job.RunDirectory}/{JobLogReader.FileName}: the run is older than job logs, its storage is away, or nothing was told yet");
    }

    private async Task<JobRecord> GetAsync(CancellationToken cancellationToken) => await calls.CallAsync(token => grid.Get(jobId, token), cancellationToken) ?? throw GridAccess.Unknown(jobId);
}
