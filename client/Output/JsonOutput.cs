using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>A run as JSON, one document a line for each thing that happens: <c>{"event": "step", ...}</c>; docs/cli.md has the shapes.</summary>
internal sealed class JsonOutput(TextWriter output) : IRunOutput
{
    private readonly Lock gate = new();
    private readonly RunState state = new();

    public string? LastStep
    {
        get { lock (gate) { return state.LastStep; } }
    }

    public void Note(string line) => Write("note", "text", line);

    public void Stopping(string line) => Note(line);

    public void Warn(string line) => Write("warning", "text", line);

    public void Show(JobEvent happened)
    {
        lock (gate) { state.Apply(happened); }
        switch (happened.Kind)
        {
            case JobEventKind.Message when RunState.MessageOf(happened) is { } message:
                Write("message", "text", message);
                break;
            case JobEventKind.Warning when RunState.MessageOf(happened) is { } warning:
                Warn(warning);
                break;
            case JobEventKind.Step or JobEventKind.SupervisedStep:
                Write("step", "metrics", Parse(happened.Json));
                break;
            case JobEventKind.Checkpoint:
                Write("checkpoint", "checkpoint", Parse(happened.Json));
                break;
            case JobEventKind.Summary:
                Write("summary", "summary", Parse(happened.Json));
                break;
        }
    }

    public Task CloseAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static JsonNode? Parse(string json)
    {
        try { return JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { MaxDepth = 16 }); }
        catch (JsonException) { return null; }
    }

    private void Write(string kind, string name, JsonNode? value)
    {
        // What is no JSON cannot be shown as such; metrics.jsonl has the step.
        if (value is null) { return; }
        string line = JsonText.Line(new JsonObject { ["event"] = kind, [name] = value });
        lock (gate)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }
}
