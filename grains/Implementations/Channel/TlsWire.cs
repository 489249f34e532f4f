using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Ctwa.Grains.Channel;

/// <summary>A TCP connection under mutual TLS 1.3: each end shows a certificate that the grid's authority issued.</summary>
internal sealed class TlsWire : Wire
{
    private readonly Socket _socket;
    private readonly TensorChannelTls _tls;
    private readonly string _peer;
    private SslStream? _stream;

    public TlsWire(Socket socket, string peer, TensorChannelTls tls)
    {
        _socket = socket;
        _tls = tls;
        _peer = peer;
    }

    public override string Peer => _peer;

    public override void Authenticate(bool server)
    {
        try
        {
            // Only now: a network stream wants a socket that is connected.
            _stream = new SslStream(new NetworkStream(_socket, ownsSocket: false));
            if (server)
            {
                _stream.AuthenticateAsServer(new SslServerAuthenticationOptions
                {
                    ServerCertificate = _tls.Certificate, ClientCertificateRequired = true, EnabledSslProtocols = SslProtocols.Tls13, RemoteCertificateValidationCallback = Believes,
                    CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                });
            }
            else
            {
                _stream.AuthenticateAsClient(new SslClientAuthenticationOptions
                {
                    TargetHost = "ctwa-silo", ClientCertificates = [_tls.Certificate], EnabledSslProtocols = SslProtocols.Tls13, RemoteCertificateValidationCallback = Believes,
                    CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                });
            }
        }
        catch (Exception error) when (error is AuthenticationException or ObjectDisposedException or IOException and not EndOfStreamException)
        {
            if (error is not AuthenticationException) { throw Failure(error); }
            throw new TensorRefusedException(TensorRefusal.Unauthenticated, $"{Peer} and this silo do not agree on TLS: {error.Message}", error);
        }
    }

    public override void Abort() => SocketWire.Abort(_socket);

    public override void Dispose()
    {
        // The stream's own end would write to the peer, and wait for it.
        _socket.Dispose();
        _stream?.Dispose();
    }

    protected override int ReceiveSome(Span<byte> buffer, int timeoutMs)
    {
        _socket.ReceiveTimeout = timeoutMs;
        try
        {
            return _stream!.Read(buffer);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            throw Failure(error);
        }
    }

    protected override int SendSome(ReadOnlySpan<byte> bytes, int timeoutMs, bool more)
    {
        _socket.SendTimeout = timeoutMs;
        // A few records at a time: the deadline is looked at between calls.
        bytes = bytes[..Math.Min(bytes.Length, 256 << 10)];
        try
        {
            _stream!.Write(bytes);
            return bytes.Length;
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            throw Failure(error);
        }
    }

    private Exception Failure(Exception error) => error.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock }
        ? Late()
        : new IOException($"The connection with {Peer} broke: {error.Message}", error);

    private bool Believes(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null) { return false; }
        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.Add(_tls.Authority);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using var shown = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return own.Build(shown);
    }
}
