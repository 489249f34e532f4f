using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Tests;

/// <summary>Keeps what a run showed.</summary>
internal sealed class RecordedOutput : IRunOutput
{
    private readonly Lock gate = new();
    private readonly List<string> lines = [];

    public List<long> Sequences { get; } = [];

    public string? LastStep { get; set; }

    public string Text
    {
        get { lock (gate) { return string.Join('\n', lines); } }
    }

    public void Note(string line) => Add(line);

    public void Stopping(string line) => Add(line);

    public void Warn(string line) => Add("warning: " + line);

    public void Show(JobEvent happened) => Sequences.Add(happened.Sequence);

    public Task CloseAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Add(string line)
    {
        lock (gate) { lines.Add(line); }
    }
}
