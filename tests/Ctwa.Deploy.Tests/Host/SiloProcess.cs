using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit;
using Ctwa.TestKit.Processes;

namespace Ctwa.Deploy.Tests.Host;

/// <summary>A real <c>ctwa-silo</c> that knows nothing but the environment it is given, as in a container.</summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);
    private readonly Process _process;
    private readonly StringBuilder _text = new();
    private readonly TaskCompletionSource<IReadOnlyDictionary<string, string>> _ports = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloProcess(Process process)
    {
        _process = process;
        Exited = WatchAsync();
    }

    /// <summary>Exit code.</summary>
    public Task<int> Exited { get; }

    /// <summary>What it wrote.</summary>
    public string Text
    {
        get { lock (_text) { return _text.ToString(); } }
    }

    public static SiloProcess Start(IReadOnlyDictionary<string, string> environment, params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Checkout.Silo, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        // The launcher looks for the runtime in well-known places only.
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        foreach (var (name, value) in environment) { start.Environment[name] = value; }
        return new SiloProcess(Process.Start(start)!);
    }

    /// <summary>Waits until it serves.</summary>
    /// <returns>The fields of its line of ports.</returns>
    public async Task<IReadOnlyDictionary<string, string>> ReadyAsync()
    {
        await Task.WhenAny(_ports.Task, Exited, Task.Delay(s_patience));
        return _ports.Task.IsCompletedSuccessfully ? await _ports.Task : throw new InvalidOperationException("the silo does not serve; it wrote\n" + Text);
    }

    /// <summary>Waits for its end.</summary>
    public async Task<int> EndAsync()
    {
        try { return await Exited.WaitAsync(s_patience); }
        catch (TimeoutException) { throw new TimeoutException("the silo does not end; it wrote\n" + Text); }
    }

    public void Send(UnixSignal signal) => LinuxProcess.Find(_process.Id)?.Send(signal);

    /// <summary>Where its health port is.</summary>
    public async Task<Uri> HealthAsync()
    {
        var ports = await ReadyAsync();
        return new Uri("http://127.0.0.1:" + ports["health"]);
    }

    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted) { _process.Kill(); }
        await Exited;
        _process.Dispose();
    }

    private async Task<int> WatchAsync()
    {
        await Task.WhenAll(CopyAsync(_process.StandardOutput), CopyAsync(_process.StandardError));
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    private async Task CopyAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_text) { _text.AppendLine(line); }
            if (line.StartsWith(GridIdentity.PortsLine, StringComparison.Ordinal))
            {
                _ports.TrySetResult(line[GridIdentity.PortsLine.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(field => field.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal));
            }
        }
    }
}
