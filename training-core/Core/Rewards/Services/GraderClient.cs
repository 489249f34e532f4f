using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards.Services;

/// <summary>
/// One POST after the other to one address: no redirects, no proxy, no compression, bounded replies, and a time limit from
/// the first byte sent to the last one received.
/// </summary>
internal sealed class GraderClient : IDisposable
{
    private const int MaxReplyBytes = 8 << 20;
    private readonly HttpClient _client;
    private readonly Uri _address;
    private readonly string _objective;
    private readonly TimeSpan _limit;
    private readonly string _shown;

    private GraderClient(HttpClient client, Uri address, string objective, TimeSpan limit)
    {
        (_client, _address, _objective, _limit) = (client, address, objective, limit);
        // A query may hold a key; messages go to logs and records.
        _shown = address.GetLeftPart(UriPartial.Path);
    }

    /// <exception cref="InvalidDataException">The token's environment variable is not set, or the certificates cannot be read.</exception>
    public static GraderClient Open(RewardSource source, HttpRewardSpec spec)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 32,
            MaxConnectionsPerServer = spec.Concurrency,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        };
        if (spec.CaFile is { } file) { handler.SslOptions.CertificateChainPolicy = Trust(source.Name, file); }
        var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        if (spec.TokenEnv is { } variable)
        {
            string? token = Environment.GetEnvironmentVariable(variable);
            if (string.IsNullOrEmpty(token) || token.Any(c => c is < '!' or > '~'))
            {
                client.Dispose();
                throw new InvalidDataException($"{source.Name}: token_env names {variable}, which is {(string.IsNullOrEmpty(token) ? "not set" : "no token (it has blanks or characters beyond ASCII)")} in the silo's environment; set it before the silo starts.");
            }

            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return new GraderClient(client, new Uri(spec.Url), source.Name, source.Timeout);
    }

    /// <summary>One request.</summary>
    /// <exception cref="OperationCanceledException">Cancelled by the caller.</exception>
    public async Task<HttpExchange> PostAsync(IReadOnlyList<ScoredCompletion> items, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_limit);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _address) { Content = new ByteArrayContent(Body(items)) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (!response.IsSuccessStatusCode) { return Refused(response); }
            return new HttpExchange(HttpReplies.Read(await ReadAsync(response, limit.Token), items.Count), null, false, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return HttpExchange.Failed(FormattableString.Invariant($"{_shown}: no reply within {_limit.TotalSeconds:0.###} s"), whole: false);
        }
        catch (RewardReplyException error)
        {
            return HttpExchange.Failed($"{_shown}: {error.Message}", whole: false);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            bool unreachable = error is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError };
            string reason = error.InnerException is AuthenticationException certificate ? $"its certificate is not accepted: {certificate.Message}" : error.GetBaseException().Message;
            return HttpExchange.Failed($"{_shown}: {reason}", unreachable);
        }
    }

    public void Dispose() => _client.Dispose();

    private byte[] Body(IReadOnlyList<ScoredCompletion> items)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("objective", _objective);
            json.WriteStartArray("items");
            for (int id = 0; id < items.Count; id++)
            {
                json.WriteStartObject();
                json.WriteNumber("id", id);
                RequestJson.Write(json, items[id]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return body.ToArray();
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        // The announced length is not believed: what comes is counted.
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var body = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (body.Length + read > MaxReplyBytes) { throw new RewardReplyException(FormattableString.Invariant($"the reply is longer than {MaxReplyBytes} bytes")); }
            body.Write(buffer, 0, read);
        }

        return body.ToArray();
    }

    private HttpExchange Refused(HttpResponseMessage response)
    {
        int status = (int)response.StatusCode;
        if (status is >= 300 and < 400) { return HttpExchange.Failed(FormattableString.Invariant($"{_shown}: status {status}, a redirect; redirects are refused, give the final address"), whole: true); }
        bool whole = status is 401 or 403 or 404 or 405 or 407 or 408 or 429 or 502 or 503 or 504;
        var retry = response.Headers.RetryAfter;
        var after = retry?.Delta ?? (retry?.Date is { } date ? date - DateTimeOffset.UtcNow : null);
        return HttpExchange.Failed(FormattableString.Invariant($"{_shown}: status {status}{(response.ReasonPhrase is { Length: > 0 and < 100 } phrase ? $" {phrase}" : "")}"), whole, after);
    }

    private static X509ChainPolicy Trust(string source, string file)
    {
        // Only these authorities: a certificate that the system would accept is not enough.
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(file);
        }
        catch (Exception error) when (error is System.Security.Cryptography.CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{source}: ca_file {file} cannot be read: {error.Message}", error);
        }

        return policy.CustomTrustStore.Count > 0 ? policy : throw new InvalidDataException($"{source}: ca_file {file} holds no certificate.");
    }
}
