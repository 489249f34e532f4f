using System.Diagnostics;
using Ctwa.TestKit.Processes;

namespace Ctwa.TestKit.Grid;

/// <summary>A child process of the harness with its log in a file; it is killed on disposal, frozen or not.</summary>
public sealed class GridProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task _exited;

    private GridProcess(string name, string log, Process process)
    {
        (Name, Log, _process) = (name, log, process);
        Self = LinuxProcess.Find(process.Id) ?? new LinuxProcess(process.Id, 0);
        _exited = process.WaitForExitAsync();
    }

    public string Name { get; }

    /// <summary>Path of the file that has its standard output and error.</summary>
    public string Log { get; }

    public LinuxProcess Self { get; }

    public bool IsRunning => !_exited.IsCompleted;

    /// <summary>Null while it runs; 128 + n after signal n.</summary>
    public int? ExitCode => IsRunning ? null : _process.ExitCode;

    /// <inheritdoc cref="ChildLauncher.StartAsync"/>
    /// <param name="name">For messages.</param>
    public static async Task<GridProcess> StartAsync(string name, IReadOnlyList<string> command, string log, string folder, IReadOnlyDictionary<string, string?>? environment = null) =>
        new(name, log, await ChildLauncher.StartAsync(command, log, folder, environment));

    public void Send(UnixSignal signal) => Self.Send(signal);

    /// <summary>Everything it has printed so far.</summary>
    public string ReadLog()
    {
        if (!File.Exists(Log)) { return ""; }
        using var stream = new FileStream(Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Waits until the log, from a position on, holds a text.</summary>
    /// <exception cref="InvalidOperationException">It ended without.</exception>
    /// <exception cref="TimeoutException">It did not print it in time.</exception>
    public async Task WaitForLogAsync(string text, TimeSpan patience, int from = 0)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            bool ended = !IsRunning;
            string log = ReadLog();
            if (log.AsSpan(Math.Min(from, log.Length)).Contains(text, StringComparison.Ordinal)) { return; }
            if (ended) { throw new InvalidOperationException($"{Name} ended with exit code {ExitCode} before it printed '{text}':\n{Tail(log)}"); }
            if (clock.Elapsed > patience) { throw new TimeoutException($"{Name} did not print '{text}' within {patience.TotalSeconds:0} s:\n{Tail(log)}"); }
            await Task.Delay(20);
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    public async Task<int> WaitAsync(TimeSpan patience)
    {
        try
        {
            await _exited.WaitAsync(patience);
            return _process.ExitCode;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{Name} did not end within {patience.TotalSeconds:0} s:\n{Tail(ReadLog())}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        Send(UnixSignal.Kill);
        await _exited;
        _process.Dispose();
    }

    /// <summary>The last lines, without stacks: what was wrong comes before them.</summary>
    private static string Tail(string log) => string.Join('\n', log.TrimEnd().Split('\n').Where(line => !line.StartsWith("   at ", StringComparison.Ordinal)).TakeLast(25));
}
