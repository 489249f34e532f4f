using System.Diagnostics;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Comparison;

/// <summary>Trains one job in a run directory, as <c>ctwa train</c> does.</summary>
/// <returns>Exit code of success or of a stop.</returns>
/// <exception cref="CommandFailure">It failed.</exception>
internal delegate Task<int> TrainRun(RunDirectory run, JobSubmission submission, int lanes, IRunOutput output);

/// <summary>
/// Runs a plan: shared warm starts first, then every run that is not finished yet. A run that fails costs the comparison
/// one row; a stop ends the runs in progress at their next step, and begins no other.
/// </summary>
internal sealed class ComparisonRunner(ComparisonPlan plan, int parallel, string here, TrainRun train, ComparisonProgress progress, StopSignals signals)
{
    /// <returns>One result per run of the plan; null: it was stopped, and can be continued.</returns>
    /// <exception cref="CommandFailure">A folder holds a run of another job; nothing was started.</exception>
    public async Task<IReadOnlyList<RunResult>?> RunAsync()
    {
        CheckFolders();
        var failedStages = new Dictionary<WarmStartRun, CommandFailure>();
        await ForEachAsync(plan.WarmStarts.Where(IsNeeded), async stage =>
        {
            if (await TryAsync(() => TrainAsync(stage.Folder, stage.Job, stage.Title)) is { } failure)
            {
                lock (failedStages) { failedStages[stage] = failure; }
            }
        });

        var results = new RunResult?[plan.Runs.Count];
        int toTrain = plan.Runs.Count - Finished, trained = 0;
        var clock = Stopwatch.StartNew();
        await ForEachAsync(Enumerable.Range(0, plan.Runs.Count), async i =>
        {
            var run = plan.Runs[i];
            results[i] = run.WarmStart is { } stage && failedStages.TryGetValue(stage, out var failure)
                ? new RunResult(run, null, failure.ExitCode, $"its warm start failed: {failure.Message}", Reused: false)
                : await FinishAsync(run);
            if (results[i] is not { Reused: false } result) { return; }
            int count = Interlocked.Increment(ref trained);
            progress.Ended(result, count, toTrain, clock.Elapsed * (toTrain - count) / count);
        });

        return signals.Stop.IsCancellationRequested || results.Contains(null) ? null : [.. results.OfType<RunResult>()];
    }

    /// <summary>Runs that are finished already, and whose job is the planned one.</summary>
    public int Finished => plan.Runs.Count(run => RunMeasures.Read(run.Folder) is not null);

    // Reading a run of another job as if it were the planned one would put wrong numbers into the table.
    private void CheckFolders()
    {
        string[] others = [.. plan.Runs.Select(run => OtherJobIn(run.Folder, run.Job)).Concat(plan.WarmStarts.Select(stage => OtherJobIn(stage.Folder, stage.Job))).OfType<string>()];
        if (others.Length == 0) { return; }
        throw new CommandFailure(ExitCodes.BadInput, $"{string.Join('\n', others)}\nChoose another --output, or delete these runs.");
    }

    private static string? OtherJobIn(string folder, LoadedJob job)
    {
        string path = Path.Combine(folder, "job.yaml");
        if (!File.Exists(path)) { return null; }
        if (JobSpecReader.Read(path, []).Spec is not { } there) { return $"{path} is not a job that this version reads."; }
        var differences = JobSettings.Differences(there, job.Spec);
        if (differences.Count == 0) { return null; }
        string more = differences.Count > 1 ? FormattableString.Invariant($", and {differences.Count - 1} more") : "";
        return $"{folder} holds a run of another job: {differences[0].Key} is {differences[0].First ?? "absent"} there, {differences[0].Second ?? "absent"} here{more}.";
    }

    /// <summary>A warm start whose runs have all begun is not made again, whatever became of its folder.</summary>
    private bool IsNeeded(WarmStartRun stage) =>
        RunMeasures.Read(stage.Folder) is null && plan.Runs.Any(run => run.WarmStart == stage && !File.Exists(Path.Combine(run.Folder, "job.yaml")));

    /// <returns>Null: it was stopped.</returns>
    private async Task<RunResult?> FinishAsync(PlannedRun run)
    {
        if (RunMeasures.Read(run.Folder) is { } finished) { return new RunResult(run, finished, ExitCodes.Success, null, Reused: true); }
        var failure = await TryAsync(async () =>
        {
            if (run.WarmStart is { } stage && !File.Exists(Path.Combine(run.Folder, "job.yaml"))) { Fork(stage, run); }
            await TrainAsync(run.Folder, run.Job, run.Title);
        });
        if (failure is not null) { return new RunResult(run, null, failure.ExitCode, failure.Message, Reused: false); }
        if (signals.Stop.IsCancellationRequested && RunMeasures.Read(run.Folder) is null) { return null; }
        return RunMeasures.Read(run.Folder) is { } measures
            ? new RunResult(run, measures, ExitCodes.Success, null, Reused: false)
            : new RunResult(run, null, ExitCodes.InternalError, $"the run ended without a summary in {run.Folder}.", Reused: false);
    }

    private static void Fork(WarmStartRun stage, PlannedRun run)
    {
        try
        {
            // What a start leaves that never came to its job; TrainAsync would accept it as well.
            if (Directory.Exists(run.Folder)) { Directory.Delete(run.Folder, recursive: true); }
            stage.ForkInto(run);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"the warm start cannot be copied from {stage.Folder} to {run.Folder}: {e.Message}");
        }
    }

    private async Task TrainAsync(string folder, LoadedJob job, string title)
    {
        bool resume = File.Exists(Path.Combine(folder, "job.yaml"));
        var directory = resume ? RunDirectory.Open(folder, here) : RunDirectory.CreateAt(folder, here);
        await using var output = progress.Of(title, directory);
        await train(directory, new JobSubmission(job.Json, directory.FullPath, resume), JobFiles.DefaultLanes(job.Spec, parallel), output);
    }

    /// <returns>Null: it did not fail. Whatever a run throws is that run's failure, not the comparison's.</returns>
    private static async Task<CommandFailure?> TryAsync(Func<Task> work)
    {
        try
        {
            await work();
            return null;
        }
        catch (CommandFailure failure)
        {
            return failure;
        }
        catch (Exception e)
        {
            return new CommandFailure(ExitCodes.InternalError, $"{e.GetType().Name}: {e.Message}");
        }
    }

    private async Task ForEachAsync<T>(IEnumerable<T> items, Func<T, Task> work)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = parallel };
        await Parallel.ForEachAsync(items, options, async (item, _) =>
        {
            if (!signals.Stop.IsCancellationRequested) { await work(item); }
        });
    }
}
