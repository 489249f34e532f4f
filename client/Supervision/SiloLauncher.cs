using System.Globalization;
using System.Security.Cryptography;
using Ctwa.Client.Jobs;

namespace Ctwa.Client.Supervision;

/// <summary>A silo that serves.</summary>
/// <param name="Process">Its process.</param>
/// <param name="GatewayPort">Loopback port for clients.</param>
/// <param name="ClusterId">Random, so that two runs on a machine cannot meet.</param>
internal sealed record ServingSilo(SiloProcess Process, int GatewayPort, string ClusterId);

/// <summary>Starts a silo for one client and waits until it serves.</summary>
/// <param name="device">Where models compute, as ctwa-silo's <c>--device</c> takes it.</param>
/// <param name="otlpEndpoint">Collector, as ctwa-silo's <c>--otlp-endpoint</c> takes it; null: none.</param>
internal sealed class SiloLauncher(SiloCommand command, Deadlines deadlines, string device = "auto", string? otlpEndpoint = null)
{
    private const int Attempts = 5;

    private const string Refusal = "error: ";

    /// <exception cref="CommandFailure">It died or was not ready in time; nothing is left running.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left running.</exception>
    public async Task<ServingSilo> StartAsync(RunDirectory run, int lanes, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            var (siloPort, gatewayPort) = LoopbackPorts.FindTwo();
            string clusterId = "ctwa-" + RandomNumberGenerator.GetHexString(12, lowercase: true);
            var silo = SiloProcess.Start(command, Arguments(siloPort, gatewayPort, clusterId, lanes, device, otlpEndpoint), new LogTail(run.LogPath));
            try
            {
                if (await WaitAsync(silo, cancellationToken)) { return new ServingSilo(silo, gatewayPort, clusterId); }
                var exit = await silo.Exited;
                // What the silo refuses, it says in one line; its log adds nothing.
                if (exit.Code == ExitCodes.BadInput && silo.Log.Last(LogTail.KeptLines).FirstOrDefault(line => line.StartsWith(Refusal, StringComparison.Ordinal)) is { } refused)
                {
                    throw new CommandFailure(ExitCodes.BadInput, refused[Refusal.Length..] + " Nothing was trained.");
                }

                if (attempt == Attempts || !silo.Log.Contains("address already in use"))
                {
                    throw new CommandFailure(ExitCodes.SiloLost, SiloReport.DiedAtStart(exit, silo.Log, run));
                }
            }
            catch
            {
                await silo.DisposeAsync();
                throw;
            }

            await silo.DisposeAsync();
        }
    }

    internal static string[] Arguments(int siloPort, int gatewayPort, string clusterId, int lanes, string device = "auto", string? otlpEndpoint = null) =>
    [
        "--clustering", "localhost",
        "--silo-port", siloPort.ToString(CultureInfo.InvariantCulture),
        "--gateway-port", gatewayPort.ToString(CultureInfo.InvariantCulture),
        "--cluster-id", clusterId,
        "--lanes", lanes.ToString(CultureInfo.InvariantCulture),
        "--device", device,
        "--parent-stdin",
        .. otlpEndpoint is null ? (string[])[] : ["--otlp-endpoint", otlpEndpoint],
        // The silo runs with the rights of the user who wrote the job: a list of what that user may do would protect nobody.
        "--open-rewards",
    ];

    /// <returns>True: it serves; false: it is gone.</returns>
    private async Task<bool> WaitAsync(SiloProcess silo, CancellationToken cancellationToken)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var timeout = Task.Delay(deadlines.Ready, timer.Token);
        var first = await Task.WhenAny(silo.Ready, silo.Exited, timeout);
        await timer.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
        return first == timeout
            ? throw new CommandFailure(ExitCodes.SiloLost, SiloReport.NotReady(deadlines.Ready, silo.Log))
            : first == silo.Ready;
    }
}
