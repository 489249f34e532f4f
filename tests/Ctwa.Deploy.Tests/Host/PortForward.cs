using System.Net;
using System.Net.Sockets;

namespace Ctwa.Deploy.Tests.Host;

/// <summary>Passes connections on, as <c>kubectl port-forward --address</c> does.</summary>
internal sealed class PortForward : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private int _accepted;

    public PortForward(IPEndPoint from, IPEndPoint to)
    {
        _listener = new TcpListener(from);
        _listener.Start();
        _accepting = AcceptAsync(to);
    }

    /// <summary>Connections so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync(IPEndPoint to)
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            Interlocked.Increment(ref _accepted);
            _ = PassAsync(client, to);
        }
    }

    private async Task PassAsync(TcpClient client, IPEndPoint to)
    {
        using var near = client;
        using var far = new TcpClient();
        try
        {
            await far.ConnectAsync(to, _stop.Token);
            await Task.WhenAny(near.GetStream().CopyToAsync(far.GetStream(), _stop.Token), far.GetStream().CopyToAsync(near.GetStream(), _stop.Token));
        }
        catch (Exception ended) when (ended is IOException or SocketException or OperationCanceledException)
        {
            // One of the two is gone.
        }
    }
}
