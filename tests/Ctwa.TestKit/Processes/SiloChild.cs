using System.Diagnostics;
using System.Text;

namespace Ctwa.TestKit.Processes;

/// <summary>A real <c>ctwa-silo</c> as a child process: what it writes, where it serves, how it ends.</summary>
public abstract class SiloChild : IAsyncDisposable
{
    /// <summary>Longer than any start on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly string _portsLine;
    private readonly StringBuilder _text = new();
    private readonly TaskCompletionSource<IReadOnlyDictionary<string, string>> _ports = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="process">Its output and errors are redirected.</param>
    /// <param name="portsLine">Beginning of the line that says that it serves.</param>
    protected SiloChild(Process process, string portsLine)
    {
        Process = process;
        _portsLine = portsLine;
        Exited = WatchAsync();
    }

    /// <summary>Exit code.</summary>
    public Task<int> Exited { get; }

    /// <summary>The fields of the ports line, once it serves.</summary>
    public Task<IReadOnlyDictionary<string, string>> Ports => _ports.Task;

    /// <summary>What it wrote.</summary>
    public string Text
    {
        get { lock (_text) { return _text.ToString(); } }
    }

    protected Process Process { get; }

    /// <summary>Waits until it serves.</summary>
    /// <returns>The fields of its line of ports.</returns>
    public async Task<IReadOnlyDictionary<string, string>> ReadyAsync()
    {
        await Task.WhenAny(Ports, Exited, Task.Delay(Patience));
        return Ports.IsCompletedSuccessfully ? await Ports : throw new InvalidOperationException("the silo does not serve; it wrote\n" + Text);
    }

    /// <summary>Waits for its end.</summary>
    public async Task<int> EndAsync()
    {
        try { return await Exited.WaitAsync(Patience); }
        catch (TimeoutException) { throw new TimeoutException("the silo does not end; it wrote\n" + Text); }
    }

    public void Send(UnixSignal signal) => LinuxProcess.Find(Process.Id)?.Send(signal);

    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted) { Process.Kill(); }
        await Exited;
        Process.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task<int> WatchAsync()
    {
        await Task.WhenAll(CopyAsync(Process.StandardOutput), CopyAsync(Process.StandardError));
        await Process.WaitForExitAsync();
        return Process.ExitCode;
    }

    private async Task CopyAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_text) { _text.AppendLine(line); }
            if (line.StartsWith(_portsLine, StringComparison.Ordinal))
            {
                _ports.TrySetResult(line[_portsLine.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(field => field.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal));
            }
        }
    }
}
