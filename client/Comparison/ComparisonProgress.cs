using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Comparison;

/// <summary>Progress of several runs as plain lines, each with the run that it is about. Safe for several threads.</summary>
internal sealed class ComparisonProgress(TextWriter output, TextWriter error)
{
    private readonly Lock gate = new();
    private readonly TextWriter output = output;
    private readonly TextWriter error = error;

    /// <summary>A line about the whole comparison.</summary>
    public void Note(string line)
    {
        lock (gate) { output.WriteLine(line); }
    }

    /// <summary>Output of one run.</summary>
    public IRunOutput Of(string title, RunDirectory run) => new RunLines(this, title, run);

    /// <summary>A run is over.</summary>
    /// <param name="done">Runs that this call has trained so far.</param>
    /// <param name="all">Runs that it has to train.</param>
    /// <param name="left">Estimate for the others.</param>
    public void Ended(RunResult result, int done, int all, TimeSpan left)
    {
        string rest = done < all ? $", about {Numbers.Duration(left.TotalSeconds)} left" : "";
        string count = FormattableString.Invariant($"({done} of {all} runs{rest})");
        if (result.Measures is { } measures) { Note($"{result.Run.Title}: {measures.Verdict ?? "finished"}; sha256 {measures.ModelSha256?[..12] ?? "-"} {count}"); }
        else
        {
            lock (gate) { error.WriteLine(FormattableString.Invariant($"{result.Run.Title}: failed with exit code {result.ExitCode} {count}: {result.Error}")); }
        }
    }

    /// <summary>Few lines of a run: where it begins, what is measured on held-out prompts, what needs attention.</summary>
    private sealed class RunLines(ComparisonProgress owner, string title, RunDirectory run) : IRunOutput
    {
        private readonly RunState state = new();

        public string? LastStep
        {
            get { lock (owner.gate) { return state.LastStep; } }
        }

        public void Note(string line) => owner.Note($"{title}: {line}");

        public void Stopping(string line) => Note(line);

        public void Warn(string line)
        {
            lock (owner.gate) { owner.error.WriteLine($"{title}: warning: {line}"); }
        }

        public void Show(JobEvent happened)
        {
            lock (owner.gate)
            {
                state.Apply(happened);
                switch (happened.Kind)
                {
                    case JobEventKind.Warning when RunState.MessageOf(happened) is { } warning:
                        owner.error.WriteLine($"{title}: warning: {warning}");
                        break;
                    case JobEventKind.SupervisedStep or JobEventKind.Step when JobMetrics.Parse(happened.Json) is { } metrics && IsShown(metrics):
                        owner.output.WriteLine($"{title}: {Line(metrics)}");
                        break;
                }
            }
        }

        public Task CloseAsync() => Task.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public override string ToString() => $"{title} in {run.Display()}";

        private static bool IsShown(JobMetrics metrics) => metrics.IsSupervised
            ? metrics.Step == 1 || metrics.Step == metrics.StepsTotal
            : metrics.Objectives.Any(objective => metrics[$"validation/{objective}/mean"] is not null);

        private string Line(JobMetrics metrics)
        {
            if (metrics.IsSupervised) { return StepLine.Format(metrics, state.SecondsLeft); }
            var heldOut = metrics.Objectives.Select(objective => $"{objective} {Numbers.Score(metrics[$"validation/{objective}/mean"] ?? double.NaN)}");
            string left = state.SecondsLeft is { } seconds ? $"  {Numbers.Duration(seconds)} left" : "";
            return $"step {StepLine.Progress(metrics)}  held-out {string.Join("  ", heldOut)}{left}";
        }
    }
}
