using System.Net;
using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.Silo.Hosting.Web;
using Ctwa.Silo.Hosting.Web.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Web;

/// <summary>Who may see which endpoint, from where, with which token.</summary>
public sealed class WebAccessTests
{
    private const string Passed = "passed";

    public static TheoryData<string?, string, int> Tokens
    {
        get
        {
            var rows = new TheoryData<string?, string, int>();
            foreach (string needed in (string[])["none", "read", "submit", "admin"])
            {
                foreach (string? token in (string?[])[null, "", "wrong", "the-reader", "the-submitter", "the-admin"])
                {
                    int has = token switch { "the-reader" => 1, "the-submitter" => 2, "the-admin" => 3, _ => 0 };
                    int needs = needed switch { "read" => 1, "submit" => 2, "admin" => 3, _ => 0 };
                    rows.Add(token, needed, needs == 0 ? 200 : has == 0 ? 401 : has < needs ? 403 : 200);
                }
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Tokens))]
    public async Task With_tokens_the_role_decides_wherever_the_silo_listens(string? token, string needed, int status)
    {
        foreach (string bind in (string[])["127.0.0.1", "10.0.0.5", "0.0.0.0"])
        {
            var access = Access(bind, tokens: true);
            string?[] headers = token is null ? [null] : [$"Bearer {token}", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("anybody:" + token))];
            foreach (string? header in headers)
            {
                var (answered, text, context) = await AskAsync(access, needed, header, host: "10.0.0.5:8080");
                Assert.Equal(status, answered);
                Assert.Equal(status == 200, text == Passed);
                Assert.Equal(status == 401, context.Response.Headers.WWWAuthenticate.ToString().StartsWith("Basic realm=", StringComparison.Ordinal));
                Assert.True(token is null or "" || !text.Contains(token, StringComparison.Ordinal), "the answer repeats the token.");
            }
        }
    }

    [Theory]
    [InlineData("127.0.0.1", "localhost:8080", 200)]
    [InlineData("127.0.0.1", "LOCALHOST", 200)]
    [InlineData("127.0.0.1", "127.0.0.1:8080", 200)]
    [InlineData("127.0.0.1", "[::1]:8080", 200)]
    [InlineData("::1", "[::1]:8080", 200)]
    [InlineData("127.0.0.1", "evil.example:8080", 403)] // a name that was given this machine's address
    [InlineData("127.0.0.1", "localhost.evil.example", 403)]
    [InlineData("127.0.0.1", "", 403)]
    [InlineData("10.0.0.5", "localhost", 403)]
    [InlineData("0.0.0.0", "localhost", 403)]
    [InlineData("::", "127.0.0.1", 403)]
    public async Task Without_tokens_only_this_machine_sees_pages(string bind, string host, int status)
    {
        foreach (string needed in (string[])["read", "admin"])
        {
            var (answered, text, _) = await AskAsync(Access(bind, tokens: false), needed, header: null, host);
            Assert.Equal(status, answered);
            Assert.Contains(status == 200 ? Passed : "tokens", text, StringComparison.Ordinal);
        }

        Assert.Equal(200, (await AskAsync(Access(bind, tokens: false), "none", header: null, host)).Status);
    }

    [Fact]
    public async Task Who_guesses_has_to_wait_and_then_not_even_the_right_token_is_looked_at()
    {
        var access = Access("10.0.0.5", tokens: true);
        for (int i = 0; i < FailureLimiter.Burst; i++) { Assert.Equal(401, (await AskAsync(access, "read", $"Bearer guess-{i}", "x")).Status); }
        var (status, _, context) = await AskAsync(access, "read", "Bearer the-admin", "x");
        Assert.Equal(429, status);
        Assert.InRange(int.Parse(context.Response.Headers.RetryAfter.ToString(), System.Globalization.CultureInfo.InvariantCulture), 1, 3);
        Assert.Equal(200, (await AskAsync(access, "read", "Bearer the-admin", "x", from: "10.0.0.9")).Status);
        // A browser that has not asked its reader yet is no guesser.
        Assert.Equal(401, (await AskAsync(access, "read", null, "x")).Status);
    }

    private static WebAccess Access(string bind, bool tokens) =>
        new(new SiloWebOptions(IPAddress.Parse(bind), Dashboard: false), new FailureLimiter(TimeProvider.System), NullLogger<WebAccess>.Instance, tokens ? new Callers() : null);

    private static async Task<(int Status, string Text, HttpContext Context)> AskAsync(WebAccess access, string needed, string? header, string host, string from = "10.0.0.8")
    {
        var context = new DefaultHttpContext();
        using var body = new MemoryStream();
        context.Response.Body = body;
        context.Request.Headers.Host = host;
        if (header is not null) { context.Request.Headers.Authorization = header; }
        context.Connection.RemoteIpAddress = IPAddress.Parse(from);
        object[] metadata = needed == "none" ? [] : [new RequiredRole(Enum.Parse<GridRole>(needed, ignoreCase: true))];
        context.SetEndpoint(new Endpoint(_ => Task.CompletedTask, new EndpointMetadataCollection(metadata), "GET /x"));
        await access.InvokeAsync(context, one => one.Response.WriteAsync(Passed));
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()), context);
    }

    private sealed class Callers : ICallerDirectory
    {
        public GridPerson? FindPerson(string token) => token switch
        {
            "the-reader" => new GridPerson("reader", GridRole.Read),
            "the-submitter" => new GridPerson("submitter", GridRole.Submit),
            "the-admin" => new GridPerson("admin", GridRole.Admin),
            _ => null,
        };
    }
}
