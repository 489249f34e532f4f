using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Ctwa.TestKit.Grid;

namespace Ctwa.Grid.Tests.Web;

/// <summary>A grid with a file of tokens, and what its silos serve.</summary>
internal sealed class WebGrid(LocalGrid grid) : IDisposable
{
    public const string Reader = "token-of-the-reader", Submitter = "token-of-the-submitter", Admin = "token-of-the-admin";

    private readonly HttpClient _http = new(new HttpClientHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>Writes the file of tokens.</summary>
    public static string WriteTokens(string folder)
    {
        string path = Path.Combine(folder, "tokens.json");
        string Entry(string name, string role, string token) => $$"""{"name": "{{name}}", "role": "{{role}}", "sha256": "{{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)))}}"}""";
        File.WriteAllText(path, $$"""{"tokens": [{{Entry("reader", "read", Reader)}}, {{Entry("submitter", "submit", Submitter)}}, {{Entry("admin", "admin", Admin)}}]}""");
        return path;
    }

    public Uri Of(string path, int silo = 0) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{grid.Silos[silo].HealthPort}{path}"));

    public async Task<(HttpStatusCode Status, string Body, HttpResponseMessage Answer)> AskAsync(string path, string? token = null, int silo = 0, HttpMethod? method = null, bool basic = false, string? host = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, Of(path, silo));
        if (token is not null) { request.Headers.Authorization = basic ? new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("me:" + token))) : new AuthenticationHeaderValue("Bearer", token); }
        if (host is not null) { request.Headers.Host = host; }
        var answer = await _http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer);
    }

    /// <summary>The status of the grid's jobs, as JSON.</summary>
    public async Task<JsonElement> StatusAsync(string? token, int silo = 0)
    {
        var (status, body, _) = await AskAsync("/status.json", token, silo);
        return status == HttpStatusCode.OK ? JsonDocument.Parse(body).RootElement : throw new InvalidOperationException($"/status.json answers {status}: {body}");
    }

    public void Dispose() => _http.Dispose();
}
