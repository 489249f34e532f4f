using Ctwa.Client.Jobs;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>Plain lines, for files, pipes and terminals without cursor control: progress to the output, warnings to the error stream.</summary>
internal sealed class PlainOutput(TextWriter output, TextWriter error, RunDirectory run) : IRunOutput
{
    private readonly Lock gate = new();
    private readonly RunState state = new();
    private bool closed;

    public string? LastStep
    {
        get { lock (gate) { return state.LastStep; } }
    }

    public void Note(string line)
    {
        lock (gate) { output.WriteLine(line); }
    }

    public void Stopping(string line) => Note(line);

    public void Warn(string line)
    {
        lock (gate) { error.WriteLine("warning: " + line); }
    }

    public void Show(JobEvent happened)
    {
        lock (gate)
        {
            state.Apply(happened);
            switch (happened.Kind)
            {
                case JobEventKind.Message when RunState.MessageOf(happened) is { } message:
                    output.WriteLine(message);
                    break;
                case JobEventKind.Warning when RunState.MessageOf(happened) is { } warning:
                    error.WriteLine("warning: " + warning);
                    break;
                case JobEventKind.Checkpoint when RunState.PathOf(happened) is { } path:
                    output.WriteLine("checkpoint " + run.Display(path));
                    break;
                case JobEventKind.SupervisedStep or JobEventKind.Step when JobMetrics.Parse(happened.Json) is { } metrics && StepLine.IsShown(metrics):
                    output.WriteLine(StepLine.Format(metrics, state.SecondsLeft));
                    break;
            }
        }
    }

    public Task CloseAsync()
    {
        lock (gate)
        {
            if (closed) { return Task.CompletedTask; }
            closed = true;
            if (state.Summary is not { } summary) { return Task.CompletedTask; }
            output.WriteLine();
            foreach (string line in SummaryText.Format(summary, run.Display)) { output.WriteLine(line); }
        }

        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync() => await CloseAsync();
}
