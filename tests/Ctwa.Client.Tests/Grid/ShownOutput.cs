using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Tests.Grid;

/// <summary>Keeps what a run showed, a line for each thing.</summary>
internal sealed class ShownOutput : IRunOutput
{
    private readonly Lock gate = new();
    private readonly List<string> lines = [];

    public IReadOnlyList<string> Lines
    {
        get { lock (gate) { return [.. lines]; } }
    }

    public string? LastStep => null;

    public bool Closed { get; private set; }

    public void Note(string line) => Add(line);

    public void Stopping(string line) => Add(line);

    public void Warn(string line) => Add("warning: " + line);

    public void Show(JobEvent happened) => Add(happened.Kind switch
    {
        JobEventKind.Step or JobEventKind.SupervisedStep when JobMetrics.Parse(happened.Json) is { } metrics => $"{metrics.Stage} {metrics.Step}",
        JobEventKind.Message => RunState.MessageOf(happened)!,
        JobEventKind.Summary => "summary",
        _ => happened.Json,
    });

    public Task CloseAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync()
    {
        Closed = true;
        return ValueTask.CompletedTask;
    }

    private void Add(string line)
    {
        lock (gate) { lines.Add(line); }
    }
}
