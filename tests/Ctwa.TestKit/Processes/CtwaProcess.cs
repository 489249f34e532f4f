using System.Diagnostics;
using System.Text;

namespace Ctwa.TestKit.Processes;

/// <summary>How a <c>ctwa</c> process ended.</summary>
/// <param name="ExitCode">See docs/exit-codes.md.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record CtwaResult(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit code {ExitCode}\n--- output\n{Output}\n--- error\n{Error}";
}

/// <summary>
/// The real <c>ctwa</c> executable as a child process, leader of its own process group as below a shell. Whatever it
/// leaves behind is ended on disposal: itself and its silo, found as its child, and nothing else.
/// </summary>
public sealed class CtwaProcess : IAsyncDisposable
{
    /// <summary>Longer than any run of these tests on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly Lock _gate = new();
    private LinuxProcess? _silo;

    private CtwaProcess(Process process)
    {
        _process = process;
        Client = LinuxProcess.Find(process.Id) ?? new LinuxProcess(process.Id, 0);
        Exited = WatchAsync();
    }

    public LinuxProcess Client { get; }

    /// <summary>Completes after the exit, when both streams have been read to their end.</summary>
    public Task<CtwaResult> Exited { get; }

    /// <summary>What it has printed so far.</summary>
    public string Output
    {
        get { lock (_gate) { return _output.ToString(); } }
    }

    /// <summary>Starts <c>ctwa</c> with a working directory; paths in its messages are relative to that.</summary>
    /// <param name="folder">Working directory.</param>
    /// <param name="arguments">Command line.</param>
    public static CtwaProcess Start(string folder, params IReadOnlyList<string> arguments)
    {
        if (!File.Exists(Checkout.Client)) { throw new FileNotFoundException($"{Checkout.Client} is missing; build the client first."); }
        // setsid replaces itself by the command: the process id is that of ctwa.
        var start = new ProcessStartInfo("setsid", [Checkout.Client, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("CTWA_SILO");
        start.Environment[ChildRuntime.Variable] = ChildRuntime.Folder;
        return new CtwaProcess(Process.Start(start)!);
    }

    /// <summary>Runs <c>ctwa</c> to its end.</summary>
    /// <exception cref="TimeoutException">It did not end within <see cref="Patience"/>.</exception>
    public static async Task<CtwaResult> RunAsync(string folder, params IReadOnlyList<string> arguments)
    {
        await using var process = Start(folder, arguments);
        return await process.WaitAsync();
    }

    /// <summary>Waits for the end.</summary>
    /// <exception cref="TimeoutException">It did not end in time; the message holds what it printed.</exception>
    public async Task<CtwaResult> WaitAsync(TimeSpan? patience = null)
    {
        try
        {
            return await Exited.WaitAsync(patience ?? Patience);
        }
        catch (TimeoutException)
        {
            lock (_gate) { throw new TimeoutException($"ctwa did not end within {patience ?? Patience}; it printed\n{_output}\n{_error}"); }
        }
    }

    /// <summary>Waits until the output holds a text.</summary>
    /// <returns>False: it ended without.</returns>
    public async Task<bool> WaitForOutputAsync(string text)
    {
        await UntilAsync(() => Exited.IsCompleted || Output.Contains(text, StringComparison.Ordinal), $"ctwa prints '{text}'");
        return Output.Contains(text, StringComparison.Ordinal);
    }

    /// <summary>The silo, which is the client's child; null if the client has ended before it had one.</summary>
    public async Task<LinuxProcess?> WaitForSiloAsync()
    {
        await UntilAsync(() => FindSilo() is not null || Exited.IsCompleted, "ctwa starts a silo");
        return _silo;
    }

    /// <summary>The silo if there is one yet.</summary>
    public LinuxProcess? FindSilo() => _silo ??= LinuxProcess.ChildrenOf(Client.Id) is [var child, ..] ? child : null;

    /// <summary>Waits until the silo is gone as well.</summary>
    /// <exception cref="TimeoutException">It outlived its client.</exception>
    public Task WaitForSiloToLeaveAsync(TimeSpan patience) => UntilAsync(() => _silo is not { IsRunning: true }, "the silo leaves after its client", patience);

    public async ValueTask DisposeAsync()
    {
        _ = FindSilo();
        Client.Send(UnixSignal.Kill);
        await Exited;
        if (_silo is { } silo)
        {
            silo.Send(UnixSignal.Kill);
            await UntilAsync(() => !silo.IsRunning, "a killed silo ends");
        }

        _process.Dispose();
    }

    private static async Task UntilAsync(Func<bool> condition, string what, TimeSpan? patience = null)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed > (patience ?? Patience)) { throw new TimeoutException($"waited {clock.Elapsed.TotalSeconds:0} s that {what}."); }
            await Task.Delay(10);
        }
    }

    private async Task<CtwaResult> WatchAsync()
    {
        var streams = Task.WhenAll(CopyAsync(_process.StandardOutput, _output), CopyAsync(_process.StandardError, _error));
        await _process.WaitForExitAsync();
        // A silo that outlives a killed client may hold the streams open for a moment.
        await Task.WhenAny(streams, Task.Delay(TimeSpan.FromSeconds(5)));
        lock (_gate) { return new CtwaResult(_process.ExitCode, _output.ToString(), _error.ToString()); }
    }

    private async Task CopyAsync(StreamReader reader, StringBuilder text)
    {
        char[] buffer = new char[4096];
        int count;
        while ((count = await reader.ReadAsync(buffer)) > 0)
        {
            lock (_gate) { text.Append(buffer, 0, count); }
        }
    }
}
