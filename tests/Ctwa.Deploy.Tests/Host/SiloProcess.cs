using System.Diagnostics;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit;
using Ctwa.TestKit.Processes;

namespace Ctwa.Deploy.Tests.Host;

/// <summary>A real <c>ctwa-silo</c> that knows nothing but the environment it is given, as in a container.</summary>
internal sealed class SiloProcess : SiloChild
{
    private SiloProcess(Process process) : base(process, GridIdentity.PortsLine) { }

    public static SiloProcess Start(IReadOnlyDictionary<string, string> environment, params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Checkout.Silo, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        start.Environment[ChildRuntime.Variable] = ChildRuntime.Folder;
        foreach (var (name, value) in environment) { start.Environment[name] = value; }
        return new SiloProcess(System.Diagnostics.Process.Start(start)!);
    }

    /// <summary>Where its health port is.</summary>
    public async Task<Uri> HealthAsync()
    {
        var ports = await ReadyAsync();
        return new Uri("http://127.0.0.1:" + ports["health"]);
    }
}
