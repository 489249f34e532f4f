using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Ctwa.TestKit.Processes;

namespace Ctwa.TestKit.Grid;

/// <summary>
/// A Redis of one's own on loopback, with an append-only file in a folder of its own. Its address stays the same over
/// restarts. It ends with this object, and with this process.
/// </summary>
public sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly string _binary;
    private readonly string _host;
    private readonly IReadOnlyList<string> _prefix;
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-redis-").FullName;
    private GridProcess? _process;

    private RedisServer(string binary, string host, int port, IReadOnlyList<string> prefix) => (_binary, _host, Port, _prefix) = (binary, host, port, prefix);

    public int Port { get; private set; }

    /// <summary>What silos and clients connect to.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"{_host}:{Port}");

    public bool IsRunning => _process is { IsRunning: true };

    /// <summary>Process id while it runs.</summary>
    public int ProcessId => _process?.Self.Id ?? 0;

    /// <summary>Starts a server.</summary>
    /// <param name="host">Address to listen on.</param>
    /// <param name="prefix">Command that runs it somewhere else, such as a network namespace.</param>
    /// <exception cref="InvalidOperationException">There is no redis-server, or it does not start; see <see cref="RedisBinary.GetAsync"/>.</exception>
    public static async Task<RedisServer> StartAsync(string host = "127.0.0.1", IReadOnlyList<string>? prefix = null)
    {
        var (binary, whyNot) = await RedisBinary.GetAsync();
        var server = new RedisServer(binary ?? throw new InvalidOperationException(whyNot + "."), host, FreePorts.Find(1)[0], prefix ?? []);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await server.LaunchAsync();
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                // Another process took the port in between.
                server.Port = FreePorts.Find(1)[0];
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process) { return; }
        _process = null;
        await process.DisposeAsync();
    }

    /// <summary>Kills it, unless that was done, and starts it again on the same port.</summary>
    /// <param name="keepData">False: it comes back empty.</param>
    public async Task RestartAsync(bool keepData)
    {
        await KillAsync();
        if (!keepData)
        {
            Directory.Delete(_folder, recursive: true);
            Directory.CreateDirectory(_folder);
        }

        await LaunchAsync();
    }

    /// <summary>Freezes it for a while: connections stay, answers do not come.</summary>
    public async Task PauseAsync(TimeSpan length)
    {
        _process?.Send(UnixSignal.Freeze);
        await Task.Delay(length);
        _process?.Send(UnixSignal.Continue);
    }

    /// <summary>Sends one command without spaces in its words; for tests.</summary>
    /// <returns>The first line of the answer and, of a bulk string, its text.</returns>
    public async Task<string> AskAsync(params string[] words)
    {
        using var limit = new CancellationTokenSource(s_patience);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Parse(_host), Port, limit.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Join(' ', words) + "\r\n"), limit.Token);
        using var reader = new StreamReader(stream);
        string line = await reader.ReadLineAsync(limit.Token) ?? throw new IOException("Redis closed the connection.");
        return line is ['$', not '-', ..] ? await reader.ReadLineAsync(limit.Token) ?? "" : line;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        if (Directory.Exists(_folder)) { Directory.Delete(_folder, recursive: true); }
    }

    private async Task LaunchAsync()
    {
        // everysec: what the server has written survives its own death; only the machine's would take a second of it.
        string[] command =
        [
            .. _prefix, _binary, "--bind", _host, "--port", Port.ToString(CultureInfo.InvariantCulture), "--dir", _folder,
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no", "--loglevel", "notice",
            // Who can reach the address may use it: it is loopback, or a network of the test's own.
            "--protected-mode", "no",
        ];
        string log = Path.Combine(_folder, "redis.log");
        int from = File.Exists(log) ? File.ReadAllText(log).Length : 0;
        _process = await GridProcess.StartAsync("redis-server", command, log, _folder, RedisBinary.EnvironmentOf(_binary));
        try
        {
            await _process.WaitForLogAsync("eady to accept connections", s_patience, from);
            // It reads its file first and answers LOADING meanwhile.
            if (_prefix.Count == 0) { await AnswersAsync(); }
        }
        catch
        {
            await KillAsync();
            throw;
        }
    }

    private async Task AnswersAsync()
    {
        var clock = Stopwatch.StartNew();
        while (await AskAsync("PING") is var answer && answer != "+PONG")
        {
            if (clock.Elapsed > s_patience) { throw new InvalidOperationException($"redis-server on port {Port} answers '{answer}' to PING."); }
            await Task.Delay(20);
        }
    }
}
