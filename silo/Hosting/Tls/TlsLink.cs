using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;

namespace Ctwa.Grid.Tls;

/// <summary>
/// Encrypts an Orleans connection. Certificates are checked against one authority only, the grid's own; the names in them
/// are not compared, since silos are addressed by changing numbers: whoever holds a certificate of that authority belongs to
/// the grid. A certificate that is limited in its use must allow both sides of a connection. Compiled into silo and client.
/// </summary>
/// <param name="authority">The authority.</param>
/// <param name="own">This process' certificate with its key and intermediate ones; null: it has none.</param>
internal sealed class TlsLink(X509Certificate2 authority, SslStreamCertificateContext? own)
{
    // As large as what Orleans writes at once; 4 KB blocks halve the throughput.
    private const int BufferBytes = 64 * 1024;

    private static readonly TimeSpan s_handshake = TimeSpan.FromSeconds(10);

    /// <summary>A step of Orleans' connection pipeline for connections that others open.</summary>
    /// <param name="mutual">Demand a certificate of them.</param>
    public ConnectionDelegate Accept(ConnectionDelegate next, bool mutual) => context => SecureAsync(context, next, (stream, cancellationToken) => stream.AuthenticateAsServerAsync(
        new SslServerAuthenticationOptions
        {
            ServerCertificateContext = own ?? throw new InvalidOperationException("A listener needs a certificate."),
            ClientCertificateRequired = mutual,
            CertificateChainPolicy = Policy(),
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => certificate is null ? !mutual : IsTrusted(errors),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
        },
        cancellationToken));

    /// <summary>A step of Orleans' connection pipeline for connections that this process opens.</summary>
    public ConnectionDelegate Connect(ConnectionDelegate next) => context => SecureAsync(context, next, (stream, cancellationToken) => stream.AuthenticateAsClientAsync(
        new SslClientAuthenticationOptions
        {
            TargetHost = "ctwa",
            ClientCertificateContext = own,
            CertificateChainPolicy = Policy(),
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => certificate is not null && IsTrusted(errors),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
        },
        cancellationToken));

    private static async Task SecureAsync(ConnectionContext context, ConnectionDelegate next, Func<SslStream, CancellationToken, Task> authenticate)
    {
        var plain = context.Transport;
        await using var stream = new SslStream(new DuplexStream(plain), leaveInnerStreamOpen: false);
        using (var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.ConnectionClosed))
        {
            deadline.CancelAfter(s_handshake);
            await authenticate(stream, deadline.Token);
        }

        var secured = new Pipes(
            PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: BufferBytes, minimumReadSize: BufferBytes / 4, leaveOpen: true)),
            PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: BufferBytes, leaveOpen: true)));
        context.Transport = secured;
        try
        {
            await next(context);
        }
        finally
        {
            context.Transport = plain;
            await secured.Input.CompleteAsync();
            await secured.Output.CompleteAsync();
        }
    }

    // The name is that of no silo.
    private static bool IsTrusted(SslPolicyErrors errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None;

    private X509ChainPolicy Policy() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { authority },
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
