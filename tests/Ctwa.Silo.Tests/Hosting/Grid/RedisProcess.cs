using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Ctwa.Grains.Abstractions;
using Ctwa.Grid.Redis;
using StackExchange.Redis;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Grid;

/// <summary>A real Redis on loopback that forgets everything when it ends.</summary>
internal sealed class RedisProcess : IAsyncDisposable
{
    private readonly string[] _arguments;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ctwa-redis-");
    private Process? _process;

    private RedisProcess(RedisEndpoint endpoint, string[] arguments) => (Endpoint, _arguments) = (endpoint, arguments);

    public RedisEndpoint Endpoint { get; }

    /// <summary>As an option takes it.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"{Endpoint.Host}:{Endpoint.Port}");

    /// <summary>Starts one; skips the test, with the reason, where no Redis is installed.</summary>
    /// <param name="tls">Certificate, key and authority; null: without TLS.</param>
    public static async Task<RedisProcess> StartAsync(string? password = null, (string Certificate, string Key, string Authority)? tls = null)
    {
        Assert.SkipUnless((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "redis-server"))), "no redis-server on the PATH; install the package redis-server.");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        string number = port.ToString(CultureInfo.InvariantCulture);
        var redis = new RedisProcess(
            new RedisEndpoint("127.0.0.1", port) { Password = password, Tls = tls is not null, CertificateAuthority = tls?.Authority },
            [
                .. tls is { } files ? (string[])["--port", "0", "--tls-port", number, "--tls-cert-file", files.Certificate, "--tls-key-file", files.Key, "--tls-ca-cert-file", files.Authority, "--tls-auth-clients", "no"] : ["--port", number],
                .. password is null ? (string[])[] : ["--requirepass", password],
            ]);
        await redis.RestartAsync();
        return redis;
    }

    /// <summary>Kills it, and starts it again, empty.</summary>
    public async Task RestartAsync()
    {
        await KillAsync();
        _process = Process.Start(new ProcessStartInfo("redis-server", [.. _arguments, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _folder.FullName]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _ = _process.StandardOutput.ReadToEndAsync();
        _ = _process.StandardError.ReadToEndAsync();
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                await using var connection = await ConnectAsync();
                await connection.GetDatabase().PingAsync();
                return;
            }
            catch (RedisException) when (attempt < 100 && !_process.HasExited) { await Task.Delay(50); }
        }
    }

    public async Task KillAsync()
    {
        if (_process is null) { return; }
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async Task<ConnectionMultiplexer> ConnectAsync()
    {
        var options = RedisConnection.Options(Endpoint, "ctwa-test");
        options.AbortOnConnectFail = true;
        options.ConnectRetry = 1;
        return await ConnectionMultiplexer.ConnectAsync(options);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _folder.Delete(recursive: true);
    }
}
