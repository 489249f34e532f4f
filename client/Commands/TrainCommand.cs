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
    private static readonly Argument<string?> Job = new("job") { Description = "Job file (YAML). Not needed with --resume.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string[]> Set = new("--set") { Description = "Override a value of the job: a.b=c. May be repeated. With --resume: schedule.* only.", HelpName = "key=value", DefaultValueFactory = _ => [] };
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Print the resolved job and the plan (shards, slices, memory, tokens per step); start nothing." };
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Run directory to make; default: runs/NAME-DATE-TIME.", HelpName = "dir" };
    private static readonly Option<string?> Resume = new("--resume") { Description = "Continue the run in this directory from its last checkpoint, with its own job.", HelpName = "run" };
    private static readonly Option<int?> Lanes = new("--lanes") { Description = "Compute lanes of the silo; default: one per core, at most one per shard. Results do not depend on it.", HelpName = "n" };

    private static readonly Option<string> Device = new("--device") { Description = "Where models compute: auto (a GPU if there is one), cpu, cuda, cuda:N, several as cuda:0,cuda:1, or cuda:all. How many does not change results; on another kind of device the last bits are others.", HelpName = "device", DefaultValueFactory = _ => "auto" };

    private static readonly ViewOptions View = new();
    private static readonly Option<string?> Silo = SiloOption.Create();
    private static readonly Option<string?> OtlpEndpoint = new("--otlp-endpoint") { Description = "Send metrics, traces and logs to this collector by OTLP, such as http://127.0.0.1:4318; default: to nobody.", HelpName = "url" };

    static TrainCommand() => Lanes.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int?>() is < 1 and var lanes) { result.AddError(FormattableString.Invariant($"--lanes is {lanes}; give at least 1.")); }
    });

    public static Command Create()
    {
        var command = new Command("train", "Run a training job on a grid that lives as long as this command.") { Job, Set, DryRun, Output, Resume, Lanes, Device, OtlpEndpoint, Silo };
        View.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(Read(parsed), parsed));
        return command.WithExamples(
            ("ctwa train examples/quickstart.yaml", "train, with progress, into runs/NAME-DATE-TIME"),
            ("ctwa train job.yaml --dry-run", "check everything and show the plan; start nothing"),
            ("ctwa train job.yaml --set schedule.steps=3 --output /tmp/short", "change a value and the place"),
            ("ctwa train --resume runs/quickstart-20261127-081511", "go on from the last checkpoint"));
    }

    internal static TrainOptions Read(ParseResult parsed) => new()
    {
        Job = parsed.GetValue(Job),
        Set = parsed.GetValue(Set) ?? [],
        DryRun = parsed.GetValue(DryRun),
        Output = parsed.GetValue(Output),
        Resume = parsed.GetValue(Resume),
        Lanes = parsed.GetValue(Lanes),
        Device = parsed.GetValue(Device) ?? "auto",
        OtlpEndpoint = parsed.GetValue(OtlpEndpoint),
    };

    private static async Task<int> RunAsync(TrainOptions options, ParseResult parsed)
    {
        var output = parsed.InvocationConfiguration.Output;
        string here = Environment.CurrentDirectory;
        if (options.Errors().ToArray() is { Length: > 0 } errors) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
        var resumed = options.Resume is { } folder ? RunDirectory.Open(folder, here) : null;
        string path = resumed?.JobPath ?? options.Job!;
        var job = JobFiles.Load(path, options.Set, here, options.Lanes, onGpu: options.Device.StartsWith("cuda", StringComparison.Ordinal));
        if (resumed is not null && options.Job is not null) { CheckSameJob(options.Job, resumed, here); }
        if (options.DryRun)
        {
            // The plan as comments: the output stays a job file.
            await output.WriteLineAsync(JobSpecYaml.Write(job.Spec).TrimEnd());
            await output.WriteLineAsync("\n# Plan\n# " + job.Plan.ToText().TrimEnd().Replace("\n", "\n# ", StringComparison.Ordinal));
            return ExitCodes.Success;
        }

        string json = job.Json;
        if (Encoding.UTF8.GetByteCount(json) is > JobSpecReader.MaxBytes and var size)
        {
            throw new CommandFailure(ExitCodes.BadInput, FormattableString.Invariant($"{path}: the resolved job has {size} bytes; at most {JobSpecReader.MaxBytes} are accepted."));
        }

        var silo = SiloCommand.Find(parsed.GetValue(Silo));
        var run = resumed
            ?? (options.Output is { } chosen ? RunDirectory.CreateAt(chosen, here) : RunDirectory.CreateNew(job.Spec.Name, here, TimeProvider.System.GetLocalNow()));
        var deadlines = new Deadlines();
        using var signals = StopSignals.Listen();
        await using var shown = View.Open(parsed, run);
        var session = new TrainSession(run, new SiloLauncher(silo, deadlines, options.Device, options.OtlpEndpoint), new OrleansConnector(deadlines), shown, signals, deadlines);
        return await session.RunAsync(new JobSubmission(json, run.FullPath, Resume: resumed is not null), job.Plan.Lanes);
    }

    // Going on with the run's own job while another is named would hide a mistake.
    private static void CheckSameJob(string path, RunDirectory run, string here)
    {
        if (JobFiles.Load(path, [], here, lanes: null).Json != JobFiles.Load(run.JobPath, [], here, lanes: null).Json)
        {
            throw new CommandFailure(ExitCodes.BadInput, $"{path} is not the job of {run.Display()} (compare it with {run.Display(run.JobPath)}). Leave it out to continue that run, or leave --resume out to start a new one.");
        }
    }
}
