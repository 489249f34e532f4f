using Ctwa.Grains.Abstractions;
using Orleans;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>Follows one job while somebody looks: its steps, its log, and what it does now. One caller at a time.</summary>
internal sealed class JobFollower(string jobId, IGridGrain grid, ICoordinatorGrain coordinator)
{
    // A page of the grid's answers has 48 KB: what a long job needs more comes with the next looks.
    private const int MostPages = 8;
    private const int MostFaults = 20;
    private const int LogTailBytes = 32 * 1024;

    private readonly JobSteps _steps = new();
    private readonly LinkedList<JobFault> _faults = [];
    private long _logAt = -LogTailBytes;
    private Task<JobProgress>? _watching;
    private JobActivity? _activity;
    private bool _complete;

    public IEnumerable<JobFault> Faults => _faults;

    public JobView View(JobRecord record) => new(record, _steps.Steps, _steps.Interference, record.IsActive ? _activity : null);

    /// <summary>Reads what is new.</summary>
    /// <param name="deadline">Of each call.</param>
    public async Task RefreshAsync(JobRecord record, TimeSpan deadline, CancellationToken cancellationToken)
    {
        if (record.IsActive)
        {
            _complete = false;
            Watch();
        }

        if (_complete) { return; }
        await ReadStepsAsync(record, deadline, cancellationToken);
        bool read = await ReadLogAsync(deadline, cancellationToken);
        _complete = read && record.HasEnded && !(record.Position?.IsAfter(_steps.Last) ?? false);
    }

    /// <summary>Asks the coordinator and does not wait: it answers when something happens, or after two seconds.</summary>
    private void Watch()
    {
        if (_watching is { IsCompleted: false }) { return; }
        if (_watching is { IsCompletedSuccessfully: true }) { _activity = _watching.Result.Activity; }
        // Events are not wanted: there are none after this number.
        _watching = coordinator.Watch(long.MaxValue, CancellationToken.None);
        // A silo that goes meanwhile is nobody's error here.
        _watching.Ignore();
    }

    private async Task ReadStepsAsync(JobRecord record, TimeSpan deadline, CancellationToken cancellationToken)
    {
        // The grid reads the run's file from its beginning for every page: only when there is something new.
        for (int page = 0; page < MostPages && (record.Position?.IsAfter(_steps.Last) ?? false); page++)
        {
            var history = await grid.History(jobId, _steps.Last ?? JobSteps.Start(record.Position), cancellationToken).WaitAsync(deadline, cancellationToken);
            var before = _steps.Last;
            foreach (string line in history.Lines) { _steps.Add(line); }
            if (!history.More || Equals(before, _steps.Last)) { break; }
        }
    }

    /// <returns>Whether the log was read to its end.</returns>
    private async Task<bool> ReadLogAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        for (int page = 0; page < MostPages; page++)
        {
            var log = await grid.Log(jobId, _logAt, cancellationToken).WaitAsync(deadline, cancellationToken);
            foreach (var line in log.Lines.Where(line => line.Level != JobLogLevel.Info))
            {
                _faults.AddLast(new JobFault(jobId, line.At, line.Epoch, line.Level == JobLogLevel.Error, line.Text));
                if (_faults.Count > MostFaults) { _faults.RemoveFirst(); }
            }

            // A run that has no log yet is asked for its tail again.
            if (log.Next > 0) { _logAt = log.Next; }
            if (!log.More) { return true; }
        }

        return false;
    }
}
