using System.CommandLine;
using System.Text;
using Ctwa.Client.Grid;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa train</c>: checks the job, starts a silo for it, and watches until it ends.</summary>
internal static class TrainCommand
{
    // A grain message holds 64 KB for speed; a submission happens once and may be larger, within reason.
    private const int SpecBytesAtMost = 256 * 1024;

    private static readonly Argument<string?> Job = new("job") { Description = "Job file (YAML). Not needed with --resume.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string[]> Set = new("--set") { Description = "Override a value of the job: a.b=c. May be repeated. With --resume: schedule.* only.", HelpName = "key=value", DefaultValueFactory = _ => [] };
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Print the resolved job and the plan (shards, slices, memory, tokens per step); start nothing." };
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Run directory to make; default: runs/NAME-DATE-TIME.", HelpName = "dir" };
    private static readonly Option<string?> Resume = new("--resume") { Description = "Continue the run in this directory from its last checkpoint, with its own job.", HelpName = "run" };
    private static readonly Option<int?> Lanes = new("--lanes") { Description = "Compute lanes of the silo; default: one per core, at most one per shard. Results do not depend on it.", HelpName = "n" };

    static TrainCommand() => Lanes.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int?>() is < 1 and var lanes) { result.AddError(FormattableString.Invariant($"--lanes is {lanes}; give at least 1.")); }
    });

    public static Command Create()
    {
        var command = new Command("train", "Run a training job on a grid that lives as long as this command.") { Job, Set, DryRun, Output, Resume, Lanes };
        command.SetAction((parsed, _) => RunAsync(Read(parsed), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command;
    }

    internal static TrainOptions Read(ParseResult parsed) => new()
    {
        Job = parsed.GetValue(Job),
        Set = parsed.GetValue(Set) ?? [],
        DryRun = parsed.GetValue(DryRun),
        Output = parsed.GetValue(Output),
        Resume = parsed.GetValue(Resume),
        Lanes = parsed.GetValue(Lanes),
    };

    private static async Task<int> RunAsync(TrainOptions options, TextWriter output, TextWriter error)
    {
        string here = Environment.CurrentDirectory;
        ThrowIfAny([.. options.Errors()], "");
        var resumed = options.Resume is { } folder ? RunDirectory.Open(folder, here) : null;
        string path = resumed?.JobPath ?? options.Job!;
        var spec = Load(path, options.Set);
        if (resumed is not null && options.Job is not null) { CheckSameJob(options.Job, resumed); }
        if (options.DryRun)
        {
            await output.WriteLineAsync(JobFiles.ToYaml(spec).TrimEnd());
            await output.WriteLineAsync();
            await output.WriteLineAsync(JobFiles.Plan(spec).TrimEnd());
            return ExitCodes.Success;
        }

        string json = JobFiles.ToJson(spec);
        if (Encoding.UTF8.GetByteCount(json) is > SpecBytesAtMost and var size)
        {
            throw new CommandFailure(ExitCodes.BadInput, FormattableString.Invariant($"{path}: the resolved job has {size} bytes; at most {SpecBytesAtMost} are accepted."));
        }

        var silo = SiloCommand.Find();
        var run = resumed
            ?? (options.Output is { } chosen ? RunDirectory.CreateAt(chosen, here) : RunDirectory.CreateNew(spec.Name, here, TimeProvider.System.GetLocalNow()));
        int lanes = options.Lanes ?? Math.Clamp(Environment.ProcessorCount / spec.Grid.ThreadsPerShard, 1, spec.Grid.Shards);
        var deadlines = new Deadlines();
        using var signals = StopSignals.Listen();
        await using var shown = Terminal.Open(output, error, run);
        try
        {
            var session = new TrainSession(run, new SiloLauncher(silo, deadlines), new OrleansConnector(deadlines), shown, signals, deadlines);
            return await session.RunAsync(new JobSubmission(json, run.FullPath, Resume: resumed is not null), lanes);
        }
        finally
        {
            await shown.CloseAsync();
        }
    }

    private static JobSpec Load(string path, IReadOnlyList<string> overrides)
    {
        var loaded = JobFiles.Load(path, overrides);
        ThrowIfAny(loaded.Errors, FormattableString.Invariant($"{path} has {loaded.Errors.Count} error{(loaded.Errors.Count == 1 ? "" : "s")}; nothing was started:\n  "));
        return loaded.Spec!;
    }

    // Going on with the run's own job while another is named would hide a mistake.
    private static void CheckSameJob(string path, RunDirectory run)
    {
        if (JobFiles.ToJson(Load(path, [])) != JobFiles.ToJson(Load(run.JobPath, [])))
        {
            throw new CommandFailure(ExitCodes.BadInput, $"{path} is not the job of {run.Display()} (compare it with {run.Display(run.JobPath)}). Leave it out to continue that run, or leave --resume out to start a new one.");
        }
    }

    private static void ThrowIfAny(IReadOnlyList<string> errors, string heading)
    {
        if (errors.Count > 0) { throw new CommandFailure(ExitCodes.BadInput, heading + string.Join("\n  ", errors)); }
    }
}
