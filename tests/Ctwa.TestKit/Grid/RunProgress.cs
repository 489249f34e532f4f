using System.Diagnostics;
using System.Text.Json.Nodes;
using Ctwa.TestKit.Processes;

namespace Ctwa.TestKit.Grid;

/// <summary>How far a run has come, read from its metrics while others write and cut them.</summary>
/// <param name="Lines">Lines of metrics.jsonl.</param>
/// <param name="Stage">Of the last line.</param>
/// <param name="Step">Of the last line.</param>
public readonly record struct RunProgress(int Lines, string Stage, int Step)
{
    public static RunProgress Of(RunFolder run)
    {
        string path = Path.Combine(run.FullPath, "metrics.jsonl");
        if (!File.Exists(path)) { return new(0, "", 0); }
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(stream);
            // Only whole lines: the last one may be half written.
            string[] lines = reader.ReadToEnd().Split('\n')[..^1];
            if (lines.Length == 0) { return new(0, "", 0); }
            var last = JsonNode.Parse(lines[^1])!;
            return new(lines.Length, (string)last["stage"]!, (int)last["step"]!);
        }
        catch (Exception cut) when (cut is IOException or System.Text.Json.JsonException)
        {
            // It is being truncated or replaced; the next look sees it whole.
            return new(0, "", 0);
        }
    }

    /// <summary>Waits until a run has so many lines.</summary>
    /// <returns>False: the client ended first.</returns>
    /// <exception cref="TimeoutException">Neither happened in time.</exception>
    public static async Task<bool> WaitAsync(RunFolder run, int lines, GridProcess client, TimeSpan patience)
    {
        var clock = Stopwatch.StartNew();
        while (Of(run).Lines < lines)
        {
            if (!client.IsRunning) { return false; }
            if (clock.Elapsed > patience) { throw new TimeoutException($"{run.FullPath} has {Of(run).Lines} of {lines} lines after {patience.TotalSeconds:0} s."); }
            await Task.Delay(15);
        }

        return true;
    }
}
