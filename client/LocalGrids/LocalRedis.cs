using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.LocalGrids;

/// <summary>
/// A Redis for the silos of this machine: on loopback, its data in a folder, every write on disk within a second. A shell holds
/// it: Redis does not look at its standard input, and must end when this process does, even by SIGKILL.
/// </summary>
internal sealed class LocalRedis : IAsyncDisposable
{
    private const int Attempts = 5;

    // Fd 3 is the pipe from this process. Its end ends Redis; Redis' end ends the shell. A session of its own: Ctrl-C in the
    // terminal is for this process alone, silos need Redis to leave in order.
    private const string Holder = """
        trap '' INT TERM HUP
        exec 3<&0
        setsid "$@" < /dev/null &
        redis=$!
        ( cat <&3 > /dev/null 2>&1; kill -TERM $redis ) > /dev/null 2>&1 &
        wait $redis
        """;

    private static readonly string[] s_programs = ["redis-server", "valkey-server"];
    private static readonly TimeSpan s_ready = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_stop = TimeSpan.FromSeconds(10);
    private static readonly byte[] s_ping = "PING\r\n"u8.ToArray();

    private readonly Process _holder;

    private LocalRedis(Process holder, int port)
    {
        _holder = holder;
        Port = port;
        Exited = holder.WaitForExitAsync();
    }

    public int Port { get; }

    /// <summary>Completes after the exit.</summary>
    public Task Exited { get; }

    /// <summary>Starts it and waits until it answers.</summary>
    /// <param name="folder">Folder of its data and log.</param>
    /// <exception cref="CommandFailure">There is no Redis here, or it does not start.</exception>
    public static async Task<LocalRedis> StartAsync(string folder, CancellationToken cancellationToken)
    {
        string program = Find() ?? throw new CommandFailure(ExitCodes.BadInput, $"several silos need a Redis, and there is no {s_programs[0]} on the PATH. Install it (Debian and Ubuntu: apt-get install redis-server; Fedora: dnf install valkey; macOS: brew install redis), or name one that runs with --redis HOST:PORT.");
        Directory.CreateDirectory(folder);
        string log = Path.Combine(folder, "redis.log");
        for (int attempt = 1; ; attempt++)
        {
            var (port, _) = LoopbackPorts.FindTwo();
            var redis = new LocalRedis(Start(program, port, folder, log), port);
            try
            {
                if (await redis.AnswersAsync(cancellationToken)) { return redis; }
                if (attempt == Attempts) { throw new CommandFailure(ExitCodes.SiloLost, $"{program} ended before it answered; see {log}."); }
            }
            catch
            {
                await redis.DisposeAsync();
                throw;
            }

            await redis.DisposeAsync();
        }
    }

    /// <summary>The program on the PATH; null: none.</summary>
    internal static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .SelectMany(folder => s_programs.Select(program => Path.Combine(folder, program)))
        .FirstOrDefault(File.Exists);

    public async ValueTask DisposeAsync()
    {
        try { _holder.StandardInput.Close(); }
        catch (IOException) { /* It has ended. */ }
        await Exited.WaitAsync(s_stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try { _holder.Kill(entireProcessTree: true); }
        catch (Exception gone) when (gone is InvalidOperationException or Win32Exception or AggregateException)
        {
            // As it should be.
        }

        await Exited;
        _holder.Dispose();
    }

    private static Process Start(string program, int port, string folder, string log)
    {
        string[] arguments =
        [
            "-c", Holder, "ctwa-redis", program,
            "--port", port.ToString(CultureInfo.InvariantCulture),
            "--bind", "127.0.0.1",
            "--dir", folder,
            "--appendonly", "yes",
            "--save", "",
            "--logfile", log,
        ];
        try { return Process.Start(new ProcessStartInfo("/bin/sh", arguments) { RedirectStandardInput = true, UseShellExecute = false })!; }
        catch (Win32Exception error) { throw new CommandFailure(ExitCodes.SiloLost, $"cannot start {program}: {error.Message}"); }
    }

    /// <returns>False: it ended.</returns>
    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (!Exited.IsCompleted)
        {
            if (Stopwatch.GetElapsedTime(start) > s_ready) { throw new CommandFailure(ExitCodes.SiloLost, FormattableString.Invariant($"the Redis on port {Port} did not answer within {s_ready.TotalSeconds:0} s.")); }
            if (await PingAsync(cancellationToken)) { return true; }
            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
        }

        return false;
    }

    private async Task<bool> PingAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(1));
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port, patience.Token);
            var stream = client.GetStream();
            await stream.WriteAsync(s_ping, patience.Token);
            byte[] answer = new byte[7];
            // While it loads its data it says so instead.
            return await stream.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, patience.Token) == answer.Length && answer.AsSpan().SequenceEqual("+PONG\r\n"u8);
        }
        catch (Exception notYet) when (notYet is SocketException or IOException || (notYet is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }
}
