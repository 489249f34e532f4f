using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Ctwa.Bench;

/// <summary>One objective on held-out problems.</summary>
internal sealed record ObjectiveResult(string Name, double Before, double BeforeError, double After, double AfterError, string Verdict);

/// <summary>One finished run of the quick-start, read from its run directory.</summary>
internal sealed record QuickstartRun
{
    public required int Seed { get; init; }

    public required string Method { get; init; }

    public required IReadOnlyList<ObjectiveResult> Objectives { get; init; }

    /// <summary>Held-out completions behind each mean.</summary>
    public required int HeldOutSamples { get; init; }

    /// <summary>Mean response length on held-out problems, tokens.</summary>
    public required double LengthBefore { get; init; }

    public required double LengthAfter { get; init; }

    /// <summary>Validation mean of the first objective by RL step.</summary>
    public required IReadOnlyList<(int Step, double Mean)> Trajectory { get; init; }

    /// <summary>Weights of the last step, in the objectives' order.</summary>
    public required IReadOnlyList<double> LastWeights { get; init; }

    public required string ModelSha256 { get; init; }

    public required string Verdict { get; init; }

    /// <summary>Wall clock from the start of the process to the first optimizer step's metrics, and to the first RL step's.</summary>
    public required double FirstStepSeconds { get; init; }

    public required double FirstRlStepSeconds { get; init; }

    /// <summary>Wall clock of the whole process.</summary>
    public required double TotalSeconds { get; init; }

    /// <summary>Score of the objective that ended lowest.</summary>
    public double WorstAfter => Objectives.Min(objective => objective.After);

    /// <summary>
    /// Runs <c>ctwa train</c> as a child process and reads its run directory. A run that an earlier call finished there is
    /// read only; its times are then not known (NaN).
    /// </summary>
    /// <exception cref="RunFailedException">It did not end with exit code 0.</exception>
    public static async Task<QuickstartRun> ExecuteAsync(Checkout checkout, string job, IReadOnlyList<string> overrides, string output, int? lanes, int seed, string method)
    {
        if (File.Exists(Path.Combine(output, "summary.json"))) { return Read(output) with { Seed = seed, Method = method }; }
        var start = new ProcessStartInfo(checkout.DotnetHost) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = checkout.Root };
        foreach (string argument in (string[])[checkout.Client, "train", job, "--output", output, .. overrides.SelectMany(text => new[] { "--set", text })]) { start.ArgumentList.Add(argument); }
        if (lanes is { } count)
        {
            start.ArgumentList.Add("--lanes");
            start.ArgumentList.Add(count.ToString(CultureInfo.InvariantCulture));
        }

        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start) ?? throw new RunFailedException($"{checkout.DotnetHost} could not be started.");
        var text = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var (first, firstRl) = await WatchAsync(Path.Combine(output, "metrics.jsonl"), clock, process);
        await process.WaitForExitAsync();
        double total = clock.Elapsed.TotalSeconds;
        string[] printed = await text;
        if (process.ExitCode != 0)
        {
            throw new RunFailedException(FormattableString.Invariant($"seed {seed} {method} ended with exit code {process.ExitCode} (run directory {output}):\n{string.Join('\n', (printed[0] + printed[1]).TrimEnd().Split('\n').TakeLast(15))}"));
        }

        return Read(output) with { Seed = seed, Method = method, FirstStepSeconds = first, FirstRlStepSeconds = firstRl, TotalSeconds = total };
    }

    /// <summary>Waits until the process ends; returns when its first step and its first RL step appeared in the metrics.</summary>
    private static async Task<(double First, double FirstRl)> WatchAsync(string metrics, Stopwatch clock, Process process)
    {
        double first = double.NaN, firstRl = double.NaN;
        long read = 0;
        while (!process.HasExited)
        {
            await Task.Delay(100);
            if (!double.IsNaN(firstRl) || !File.Exists(metrics)) { continue; }
            double now = clock.Elapsed.TotalSeconds;
            using var stream = new FileStream(metrics, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            stream.Position = Math.Min(read, stream.Length);
            using var reader = new StreamReader(stream);
            string text = await reader.ReadToEndAsync();
            int complete = text.LastIndexOf('\n') + 1;
            read += System.Text.Encoding.UTF8.GetByteCount(text.AsSpan(0, complete));
            foreach (string line in text[..complete].Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                using var document = JsonDocument.Parse(line);
                if (document.RootElement.GetProperty("step").GetInt32() < 1) { continue; }
                if (double.IsNaN(first)) { first = now; }
                if (document.RootElement.GetProperty("stage").GetString() == "rl") { firstRl = now; break; }
            }
        }

        return (first, firstRl);
    }

    private static QuickstartRun Read(string folder)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "summary.json")));
        var summary = document.RootElement;
        ObjectiveResult[] objectives = [.. summary.GetProperty("objectives").EnumerateArray().Select(entry => new ObjectiveResult(
            entry.GetProperty("name").GetString()!, Number(entry, "before"), Number(entry, "before_se"), Number(entry, "after"), Number(entry, "after_se"), entry.GetProperty("verdict").GetString()!))];
        var trajectory = new List<(int Step, double Mean)>();
        double[] weights = [];
        foreach (string line in File.ReadLines(Path.Combine(folder, "metrics.jsonl")))
        {
            using var metrics = JsonDocument.Parse(line);
            var root = metrics.RootElement;
            if (root.GetProperty("stage").GetString() != "rl") { continue; }
            if (root.TryGetProperty($"validation/{objectives[0].Name}/mean", out var mean)) { trajectory.Add((root.GetProperty("step").GetInt32(), mean.GetDouble())); }
            if (root.TryGetProperty($"weight/{objectives[0].Name}", out _)) { weights = [.. objectives.Select(objective => Number(root, $"weight/{objective.Name}"))]; }
        }

        return new QuickstartRun
        {
            Seed = 0,
            Method = "",
            Objectives = objectives,
            HeldOutSamples = summary.GetProperty("held_out_samples").GetInt32(),
            LengthBefore = Number(summary.GetProperty("length"), "before"),
            LengthAfter = Number(summary.GetProperty("length"), "after"),
            Trajectory = trajectory,
            LastWeights = weights,
            ModelSha256 = summary.GetProperty("model_sha256").GetString()!,
            Verdict = summary.GetProperty("verdict").GetString()!,
            FirstStepSeconds = double.NaN,
            FirstRlStepSeconds = double.NaN,
            TotalSeconds = double.NaN,
        };
    }

    private static double Number(JsonElement element, string name) => element.GetProperty(name).GetDouble();
}

/// <summary>A run did not come to its end; the message says what it printed last.</summary>
internal sealed class RunFailedException(string message) : Exception(message);
