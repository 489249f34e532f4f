using System.Diagnostics;
using System.Text.Json;
using Ctwa.TestKit.Processes;

namespace Ctwa.Bench.Runs;

/// <summary>Something that a run's files show when it has happened.</summary>
/// <param name="Name">For readers.</param>
/// <param name="HasHappened">Looks; cheap, since it is asked every few milliseconds.</param>
internal sealed record Milestone(string Name, Func<bool> HasHappened);

/// <summary>A training run as a process of its own, watched from its start to its end.</summary>
internal sealed class TimedRun
{
    private readonly List<(double Seconds, string Text)> _output = [];
    private readonly Dictionary<string, double> _milestones = [];
    private readonly string _folder;

    private TimedRun(string folder) => _folder = folder;

    /// <summary>Lines of metrics.jsonl.</summary>
    public StepArrivals Arrivals { get; } = new();

    /// <summary>SHA-256 of the last checkpoint's weights.</summary>
    public string ModelHash => new RunFolder(_folder).ModelHash;

    /// <summary>Most resident memory of the process that computed, as the run's summary says.</summary>
    public long? PeakBytes
    {
        get
        {
            using var summary = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, "summary.json")));
            return summary.RootElement.TryGetProperty("peak_memory_bytes", out var bytes) ? bytes.GetInt64() : null;
        }
    }

    /// <summary>Runs a program to its end.</summary>
    /// <param name="command">The dotnet host's arguments.</param>
    /// <param name="folder">The run directory that it makes.</param>
    /// <param name="milestones">In the order in which they happen.</param>
    /// <exception cref="RunFailedException">It did not end with exit code 0.</exception>
    public static async Task<TimedRun> ExecuteAsync(Checkout checkout, IReadOnlyList<string> command, string folder, params IReadOnlyList<Milestone> milestones)
    {
        var start = new ProcessStartInfo(checkout.DotnetHost, command) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = checkout.Root };
        // Another build's silo would be measured.
        start.Environment.Remove("CTWA_SILO");
        var run = new TimedRun(folder);
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start) ?? throw new RunFailedException($"{checkout.DotnetHost} could not be started.");
        process.OutputDataReceived += (_, line) => run.Hear(line.Data, clock);
        process.ErrorDataReceived += (_, line) => run.Hear(line.Data, clock);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        // A thread of its own, that sleeps: timers of the pool are less exact.
        await Task.Factory.StartNew(() => run.Watch(process, milestones, clock), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? run : throw new RunFailedException(FormattableString.Invariant($"a run ended with exit code {process.ExitCode} (run directory {folder}):\n{run.LastWords()}"));
    }

    /// <summary>When a milestone was seen, in seconds since the process began.</summary>
    /// <exception cref="InvalidOperationException">It was not.</exception>
    public double When(Milestone milestone) => _milestones.TryGetValue(milestone.Name, out double seconds) ? seconds : throw new InvalidOperationException($"'{milestone.Name}' was never seen in {_folder}.");

    /// <summary>When a line that contains a text was printed first.</summary>
    /// <exception cref="InvalidOperationException">None was.</exception>
    public double WhenPrinted(string text)
    {
        lock (_output)
        {
            int at = _output.FindIndex(line => line.Text.Contains(text, StringComparison.Ordinal));
            return at >= 0 ? _output[at].Seconds : throw new InvalidOperationException($"no line with '{text}' was printed; the last were\n{LastWords()}");
        }
    }

    private void Watch(Process process, IReadOnlyList<Milestone> milestones, Stopwatch clock)
    {
        string metrics = Path.Combine(_folder, "metrics.jsonl");
        long read = 0;
        int next = 0;
        while (true)
        {
            // Asked before the last look: what it wrote before its end is seen.
            bool ended = process.HasExited;
            for (; next < milestones.Count && milestones[next].HasHappened(); next++) { _milestones[milestones[next].Name] = clock.Elapsed.TotalSeconds; }
            if (new FileInfo(metrics) is { Exists: true } file && file.Length > read)
            {
                double now = clock.Elapsed.TotalSeconds;
                using var stream = new FileStream(metrics, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                byte[] grown = new byte[stream.Length - read];
                stream.Position = read;
                stream.ReadExactly(grown);
                read += Arrivals.Add(grown, now);
            }

            if (ended) { return; }
            Thread.Sleep(2);
        }
    }

    private void Hear(string? line, Stopwatch clock)
    {
        if (line is null) { return; }
        lock (_output) { _output.Add((clock.Elapsed.TotalSeconds, line)); }
    }

    private string LastWords()
    {
        lock (_output) { return string.Join('\n', _output.TakeLast(15).Select(line => line.Text)); }
    }
}
