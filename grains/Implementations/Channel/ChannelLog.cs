using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Channel;

/// <summary>What a silo's log says about its channel: a refused peer once per host and reason, however often it tries.</summary>
internal sealed partial class ChannelLog(ILogger logger)
{
    // Hosts come from outside: what is remembered about them is bounded.
    private const int Remembered = 1024;

    private readonly Lock _gate = new();
    private readonly HashSet<(string Host, TensorRefusal Reason, bool Failed)> _said = [];

    public void Refused(string host, TensorRefusal reason, string why)
    {
        if (First(host, reason, failed: false)) { LogRefused(logger, host, reason, why); }
    }

    public void Failed(string host, Exception error)
    {
        if (First(host, 0, failed: true)) { LogFailed(logger, host, error); }
    }

    public void Listening(TensorEndpoint endpoint, bool tls, bool sharedMemory) => LogListening(logger, endpoint.Host, endpoint.Port, tls ? "TLS" : "plain TCP", sharedMemory ? ", shared memory on this host" : "");

    public void Stuck(int connections) => LogStuck(logger, connections);

    public void AcceptFailed(string message)
    {
        if (First("", 0, failed: true)) { LogAcceptFailed(logger, message); }
    }

    private bool First(string host, TensorRefusal reason, bool failed)
    {
        lock (_gate)
        {
            if (_said.Count >= Remembered || !_said.Add((host, reason, failed))) { return false; }
            if (_said.Count == Remembered) { LogQuiet(logger, Remembered); }
            return true;
        }
    }

    [LoggerMessage(3200, LogLevel.Information, "Tensor channel listens on {Host}:{Port} ({Transport}{Shared})")]
    private static partial void LogListening(ILogger logger, string host, int port, string transport, string shared);

    [LoggerMessage(3201, LogLevel.Warning, "Tensor channel refused {Host} ({Reason}): {Why}. Said once; ctwa.channel.refusals counts the rest")]
    private static partial void LogRefused(ILogger logger, string host, TensorRefusal reason, string why);

    [LoggerMessage(3202, LogLevel.Error, "Tensor channel failed while serving {Host}. Said once per host")]
    private static partial void LogFailed(ILogger logger, string host, Exception error);

    [LoggerMessage(3203, LogLevel.Warning, "{Connections} connections of the tensor channel did not end in time; their leases are still held")]
    private static partial void LogStuck(ILogger logger, int connections);

    [LoggerMessage(3204, LogLevel.Warning, "Tensor channel refused {Count} hosts or reasons; further ones are counted in ctwa.channel.refusals only")]
    private static partial void LogQuiet(ILogger logger, int count);

    [LoggerMessage(3205, LogLevel.Warning, "Tensor channel could not accept a connection: {Message}. It goes on; said once")]
    private static partial void LogAcceptFailed(ILogger logger, string message);
}
