using System.CommandLine;
using System.Text;
using Ctwa.Client.Grid;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa submit</c>: checks the job here, gives it to a grid, and looks on if asked to.</summary>
internal static class SubmitCommand
{
    private static readonly Argument<string?> Job = new("job") { Description = "Job file (YAML). Not needed with --resume.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string[]> Set = new("--set") { Description = "Override a value of the job: a.b=c. May be repeated. With --resume: schedule.* only.", HelpName = "key=value", DefaultValueFactory = _ => [] };
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Run directory to make, on storage that all silos see; default: runs/ID below the grid's first allowed folder, or below this one where the grid has none.", HelpName = "dir" };
    private static readonly Option<string?> Resume = new("--resume") { Description = "Continue the run in this directory from its last checkpoint, with its own job.", HelpName = "run" };
    private static readonly Option<int> Priority = new("--priority") { Description = "From -100 to 100; higher ones first. Default: 0.", HelpName = "n" };
    private static readonly Option<bool> Json = JsonOption.Create("Print the queued job as one JSON document; with --wait, one document a line for each thing that happens after it.");
    private static readonly Option<bool> Wait = new("--wait") { Description = "Show the job until it ends, with the exit codes of ctwa train. Ctrl-C ends the watching, not the job." };

    public static Command Create()
    {
        var view = new ViewOptions(Json);
        var command = new Command("submit", "Give a job to a grid; prints its id.") { Job, Set, Output, Resume, Priority, Wait };
        view.AddTo(command);
        return command.WithTarget((parsed, target) => SubmitAsync(parsed, target, view)).WithExamples(
            ("ctwa submit examples/quickstart.yaml", "queue a job on the current context's grid"),
            ("ctwa submit job.yaml --set optimizer.learning_rate=1e-4 --wait", "change a value, and look on until the job ends"),
            ("ctwa submit --resume runs/quickstart-20261127-081511 --set schedule.steps=200", "continue a run that stopped elsewhere, for longer"));
    }

    private static async Task<int> SubmitAsync(ParseResult parsed, GridTarget target, ViewOptions view)
    {
        var options = new TrainOptions { Job = parsed.GetValue(Job), Set = parsed.GetValue(Set) ?? [], Output = parsed.GetValue(Output), Resume = parsed.GetValue(Resume) };
        var request = Request(options, parsed.GetValue(Priority), Environment.CurrentDirectory);
        var console = parsed.InvocationConfiguration;
        using var signals = StopSignals.Listen();
        var seen = new Submission(parsed.GetValue(Json), RememberedJobs.Find(Environment.GetEnvironmentVariable), DetachQuestion.For(console.Error));
        return await RunAsync(GridAccess.To(target), request, parsed.GetValue(Wait), signals, console.Output, directory => view.OpenOnGrid(parsed, directory), seen);
    }

    /// <summary>The request, checked completely.</summary>
    /// <exception cref="CommandFailure">Everything that is wrong with the job or the options.</exception>
    internal static JobRequest Request(TrainOptions options, int priority, string here)
    {
        var errors = options.Errors().ToList();
        if (priority is < GridLimits.LowestPriority or > GridLimits.HighestPriority) { errors.Add(FormattableString.Invariant($"--priority is {priority}; accepted are {GridLimits.LowestPriority} to {GridLimits.HighestPriority}.")); }
        if (errors.Count > 0) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
        var resumed = options.Resume is { } folder ? RunDirectory.Open(folder, here) : null;
        string path = resumed?.JobPath ?? options.Job!;
        // The grid's memory is not this machine's: only the grid can tell whether the job fits.
        var job = JobFiles.Load(path, options.Set, here, lanes: null, onGpu: true);
        if (resumed is not null && options.Job is { } named && JobFiles.Load(named, [], here, lanes: null, onGpu: true).Json != JobFiles.Load(path, [], here, lanes: null, onGpu: true).Json)
        {
            throw new CommandFailure(ExitCodes.BadInput, $"{named} is not the job of {resumed.Display()}. Leave it out to continue that run, or leave --resume out to start a new one.");
        }

        if (Encoding.UTF8.GetByteCount(job.Json) is > JobSpecReader.MaxBytes and var size) { throw new CommandFailure(ExitCodes.BadInput, FormattableString.Invariant($"{path}: the resolved job has {size} bytes; at most {JobSpecReader.MaxBytes} are accepted.")); }
        return new JobRequest(job.Json, resumed?.FullPath ?? (options.Output is { } chosen ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(chosen, here)) : null), here, priority, resumed is not null, Guid.NewGuid().ToString("N"));
    }

    internal static async Task<int> RunAsync(GridAccess grid, JobRequest request, bool wait, StopSignals signals, TextWriter output, Func<string, IRunOutput> open, Submission? seen = null)
    {
        var answer = await grid.UseAsync(
            connection =>
            {
                var queue = connection.Grain<IGridGrain>(IGridGrain.Key);
                return grid.Calls.CallAsync(token => queue.Submit(request, token), signals.Stop);
            },
            signals.Stop);
        if (answer.Failure is { } refused) { throw new CommandFailure(ExitCodes.Of(refused.Kind), "the grid refused the job; nothing was queued\n" + refused.Message); }
        var job = answer.Job!;
        seen?.Remembered?.Add([job.JobId]);
        if (seen is not { Json: true }) { await output.WriteLineAsync(job.JobId); }
        else if (wait) { await output.WriteLineAsync(JsonText.Line(JobListText.Json(job))); }
        else { await output.WriteLineAsync(JsonText.Write(JobListText.Json(job))); }
        if (!wait) { return ExitCodes.Success; }
        return await new GridJobSession(grid, signals, seen?.AskCancel).WatchAsync(job.JobId, open);
    }

    /// <summary>What happens with a queued job besides.</summary>
    /// <param name="Json">It is printed as JSON.</param>
    /// <param name="Remembered">Ids for the completion of shells; null: none are kept.</param>
    /// <param name="AskCancel">See <see cref="GridJobSession"/>.</param>
    internal sealed record Submission(bool Json, RememberedJobs? Remembered, Func<string, CancellationToken, Task<bool>>? AskCancel);
}
