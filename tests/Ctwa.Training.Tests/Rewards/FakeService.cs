using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Ctwa.Training.Rewards;

/// <summary>A request as it came.</summary>
internal sealed record ServiceRequest(int Number, string Head, string Body)
{
    public int Items => JsonDocument.Parse(Body).RootElement.GetProperty("items").GetArrayLength();

    public string Response(int item) => JsonDocument.Parse(Body).RootElement.GetProperty("items")[item].GetProperty("response").GetString()!;
}

/// <summary>An HTTP service of raw sockets that answers what a test says, byte by byte, wrong answers too.</summary>
internal sealed class FakeService : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<ServiceRequest, Stream, Task> _answer;
    private readonly X509Certificate2? _certificate;
    private int _requests;

    public FakeService(Func<ServiceRequest, Stream, Task> answer, X509Certificate2? certificate = null)
    {
        (_answer, _certificate) = (answer, certificate);
        _listener.Start();
        _ = AcceptAsync();
    }

    public FakeService(Func<ServiceRequest, string> answer) : this((request, stream) => stream.WriteAsync(Encoding.UTF8.GetBytes(answer(request))).AsTask()) { }

    public string Url => string.Create(CultureInfo.InvariantCulture, $"{(_certificate is null ? "http://127.0.0.1" : "https://localhost")}:{((IPEndPoint)_listener.LocalEndpoint).Port}/score?key=hidden");

    public int Requests => _requests;

    /// <summary>A whole answer.</summary>
    public static string Ok(string body, string status = "200 OK", string headers = "") => $"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{headers}\r\n{body}";

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) { _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)); }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException) { }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var secure = new SslStream(stream);
                    await secure.AuthenticateAsServerAsync(_certificate);
                    stream = secure;
                }

                while (await ReadAsync(stream) is var (head, body)) { await _answer(new ServiceRequest(Interlocked.Increment(ref _requests), head, body), stream); }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or System.Security.Authentication.AuthenticationException) { }
        }
    }

    private static async Task<(string Head, string Body)?> ReadAsync(Stream stream)
    {
        var head = new List<byte>();
        byte[] one = new byte[1];
        while (!(head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n'))
        {
            if (await stream.ReadAsync(one) == 0) { return null; }
            head.Add(one[0]);
        }

        string text = Encoding.ASCII.GetString([.. head]);
        string length = text.Split("\r\n").First(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)).Split(':')[1];
        byte[] body = new byte[int.Parse(length, CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body);
        return (text, Encoding.UTF8.GetString(body));
    }
}
