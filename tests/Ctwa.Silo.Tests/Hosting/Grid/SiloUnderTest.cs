using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit;
using Ctwa.TestKit.Processes;

namespace Ctwa.Silo.Tests.Hosting.Grid;

/// <summary>A real <c>ctwa-silo</c> as a child process.</summary>
internal sealed class SiloUnderTest : IAsyncDisposable
{
    /// <summary>Longer than any start on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromSeconds(5) };

    private readonly Process _process;
    private readonly StringBuilder _text = new();
    private readonly TaskCompletionSource<IReadOnlyDictionary<string, string>> _ports = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloUnderTest(Process process)
    {
        _process = process;
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

    public static SiloUnderTest Start(IReadOnlyDictionary<string, string>? environment, params IReadOnlyList<string> arguments)
    {
        string assembly = Path.Combine(Checkout.Root, "silo", "bin", Path.GetRelativePath(Path.Combine(Checkout.Root, "tests", "Ctwa.Silo.Tests", "bin"), AppContext.BaseDirectory), "ctwa-silo.dll");
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet", [assembly, .. arguments, "--device", "cpu"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) { start.Environment[name] = value; }
        return new SiloUnderTest(Process.Start(start)!);
    }

    /// <summary>One of the grid x.</summary>
    public static SiloUnderTest Join(RedisProcess redis, params IReadOnlyList<string> arguments) =>
        Start(null, ["--clustering", "redis", "--redis", redis.Address, "--cluster-id", "x", "--health-port", "0", .. arguments]);

    /// <summary>Waits until it serves.</summary>
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

    public void Send(UnixSignal signal) => LinuxProcess.Find(_process.Id)?.Send(signal);

    public void Write(string text)
    {
        _process.StandardInput.Write(text);
        _process.StandardInput.Flush();
    }

    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>Asks a health endpoint.</summary>
    public async Task<(HttpStatusCode Status, string Body)> GetAsync(string path)
    {
        int port = int.Parse((await ReadyAsync())["health"], CultureInfo.InvariantCulture);
        using var answer = await s_http.GetAsync(new Uri($"http://127.0.0.1:{port}{path}"));
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Asks <c>/readyz</c> until it answers so.</summary>
    public async Task<string> UntilReadyIsAsync(HttpStatusCode status)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            var (now, body) = await GetAsync("/readyz");
            if (now == status) { return body; }
            if (Stopwatch.GetElapsedTime(start) > Patience) { throw new TimeoutException($"/readyz is {now}, not {status}: {body}\n{Text}"); }
            await Task.Delay(100);
        }
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
