using System.Diagnostics;
using System.Globalization;
using System.Net;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit;
using Ctwa.TestKit.Processes;

namespace Ctwa.Silo.Tests.Hosting.Grid;

/// <summary>A real <c>ctwa-silo</c> as a child process.</summary>
internal sealed class SiloUnderTest : SiloChild
{
    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromSeconds(5) };

    private SiloUnderTest(Process process) : base(process, GridIdentity.PortsLine) { }

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
        return new SiloUnderTest(System.Diagnostics.Process.Start(start)!);
    }

    /// <summary>One of the grid x.</summary>
    public static SiloUnderTest Join(RedisProcess redis, params IReadOnlyList<string> arguments) =>
        Start(null, ["--clustering", "redis", "--redis", redis.Address, "--cluster-id", "x", "--health-port", "0", .. arguments]);

    public void Write(string text)
    {
        Process.StandardInput.Write(text);
        Process.StandardInput.Flush();
    }

    public void CloseInput() => Process.StandardInput.Close();

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
}
