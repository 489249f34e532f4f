using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>Real connections over loopback to a service that answers as a test says.</summary>
public sealed class HttpRewardModelTests
{
    private static string Lengths(ServiceRequest request) => FakeService.Ok(JsonSerializer.Serialize(new { scores = Enumerable.Range(0, request.Items).Select(i => request.Response(i).Length) }));

    [Fact]
    public async Task Requests_are_batched_and_have_the_documented_members()
    {
        Environment.SetEnvironmentVariable("CTWA_TEST_TOKEN", "abc.def");
        var seen = new List<ServiceRequest>();
        using var service = new FakeService(request =>
        {
            lock (seen) { seen.Add(request); }
            return Lengths(request);
        });
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url, BatchSize = 4, Concurrency = 1, TokenEnv = "CTWA_TEST_TOKEN" });
        double[] numbers = (await model.ScoreAsync("a", "bb", "ccc", "dddd", "eeeee", "ffffff")).Numbers();
        Assert.Equal([1, 2, 3, 4, 5, 6], numbers);
        Assert.Equal([4, 2], seen.Select(request => request.Items));
        Assert.Equal("""{"objective":"grader","items":[{"id":0,"prompt":"prompt 4","response":"eeeee","ground_truth":"truth 4","response_tokens":5},{"id":1,"prompt":"prompt 5","response":"ffffff","ground_truth":"truth 5","response_tokens":6}]}""", seen[1].Body);
        Assert.Contains("Authorization: Bearer abc.def\r\n", seen[0].Head, StringComparison.Ordinal);
        Assert.Contains("Content-Type: application/json\r\n", seen[0].Head, StringComparison.Ordinal);
        Assert.StartsWith("POST /score?key=hidden HTTP/1.1\r\n", seen[0].Head, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_that_is_not_there_is_refused_when_the_job_is_opened()
    {
        var error = Assert.Throws<InvalidDataException>(() => RewardModels.Open(new HttpRewardSpec { Url = "https://a.example/", TokenEnv = "CTWA_TEST_NO_TOKEN" }));
        Assert.Contains("token_env names CTWA_TEST_NO_TOKEN, which is not set", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Results_by_id_may_be_out_of_order_named_failed_or_missing()
    {
        using var service = new FakeService(_ => FakeService.Ok("""{"results": [{"id": "1", "scores": {"good": 0.5, "safe": 1}}, {"id": 0, "score": 2}, {"id": 3, "error": "too long"}]}"""));
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url }, retries: 0);
        var replies = await model.ScoreAsync("a", "b", "c", "d");
        Assert.Equal(2, Assert.Single(replies[0].Outputs).Value);
        Assert.Equal([new("good", 0.5), new("safe", 1)], replies[1].Outputs);
        Assert.Equal(["the reply has no result for id 2", "the grader says: too long"], replies[2..].Select(reply => reply.Failure));
    }

    [Fact]
    public async Task A_bad_item_does_not_fail_its_batch()
    {
        using var service = new FakeService(request => Enumerable.Range(0, request.Items).Any(i => request.Response(i) == "poison") ? FakeService.Ok("oops", "500 Internal Server Error") : Lengths(request));
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url }, retries: 2);
        var replies = await model.ScoreAsync("a", "poison", "bb", "ccc");
        Assert.Equal([1, double.NaN, 2, 3], replies.Numbers());
        Assert.Equal([0, 2, 0, 0], replies.Select(reply => reply.Retries));
        Assert.StartsWith(service.Url[..service.Url.IndexOf('?', StringComparison.Ordinal)] + ": status 500", replies[1].Failure, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", replies[1].Failure, StringComparison.Ordinal);
        Assert.Equal(1 + 4 + 2, service.Requests);
    }

    [Fact]
    public async Task A_busy_service_is_asked_again_when_it_says_and_the_batch_stays_whole()
    {
        var times = new List<long>();
        using var service = new FakeService(request =>
        {
            lock (times) { times.Add(Stopwatch.GetTimestamp()); }
            return request.Number == 1 ? FakeService.Ok("", "429 Too Many Requests", "Retry-After: 1\r\n") : request.Number == 2 ? FakeService.Ok("", "503 Service Unavailable") : Lengths(request);
        });
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url }, retries: 3);
        var replies = await model.ScoreAsync("a", "bb");
        Assert.Equal([1, 2], replies.Numbers());
        Assert.All(replies, reply => Assert.Equal(2, reply.Retries));
        Assert.Equal(3, service.Requests);
        Assert.InRange(Stopwatch.GetElapsedTime(times[0], times[1]).TotalSeconds, 0.95, 10);
    }

    [Theory]
    [InlineData("302 Found", "Location: http://127.0.0.1:1/\r\n", "status 302, a redirect; redirects are refused")]
    [InlineData("307 Temporary Redirect", "Location: https://evil.example/\r\n", "status 307, a redirect")]
    [InlineData("401 Unauthorized", "", "status 401 Unauthorized")]
    [InlineData("404 Not Found", "", "status 404 Not Found")]
    public async Task What_concerns_the_whole_service_is_not_divided(string status, string headers, string expected)
    {
        using var service = new FakeService(_ => FakeService.Ok("", status, headers));
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url }, retries: 1);
        Assert.All(await model.ScoreAsync("a", "b", "c"), reply => Assert.Contains(expected, reply.Failure, StringComparison.Ordinal));
        Assert.Equal(2, service.Requests);
    }

    [Theory]
    [InlineData("""{"scores": [1]}""", "'scores' has 1 entries for 2 items")]
    [InlineData("""{"scores": [1, 2, 3]}""", "'scores' has 3 entries for 2 items")]
    [InlineData("""{"results": [{"id": 0, "score": 1}, {"id": 0, "score": 1}]}""", "id 0 has two results")]
    [InlineData("""{"results": [{"id": 7, "score": 1}]}""", "id 7 is none of the items")]
    [InlineData("{\n \"scores\": [1, }", "not JSON at line 2, byte")]
    [InlineData("", "not JSON at byte 0")]
    public async Task A_reply_that_is_none_says_where(string body, string expected)
    {
        using var service = new FakeService(request => request.Items == 2 ? FakeService.Ok(body) : FakeService.Ok("""{"scores": "none"}"""));
        List<string> log = [];
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url }, retries: 0, log: log);
        Assert.All(await model.ScoreAsync("a", "b"), reply => Assert.Contains("'scores' is String; expected is a list", reply.Failure, StringComparison.Ordinal));
        Assert.Contains(log, line => line.Contains(expected, StringComparison.Ordinal) && line.Contains("/score: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("drip", "no reply within 0.7 s")]
    [InlineData("silent", "no reply within 0.7 s")]
    [InlineData("half", "")]
    [InlineData("reset", "")]
    [InlineData("endless", "the reply is longer than 8388608 bytes")]
    [InlineData("headers", "")]
    [InlineData("nonsense", "")]
    public async Task Connections_that_misbehave_end_in_time(string way, string expected)
    {
        byte[] megabyte = new byte[1 << 20];
        Array.Fill(megabyte, (byte)' ');
        using var service = new FakeService(async (request, stream) =>
        {
            byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);
            switch (way)
            {
                case "drip":
                    await stream.WriteAsync(Bytes("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"));
                    for (int i = 0; i < 1000; i++)
                    {
                        await stream.WriteAsync(Bytes(" "));
                        await Task.Delay(50);
                    }

                    break;
                case "silent": await Task.Delay(TimeSpan.FromSeconds(60)); break;
                case "half":
                    await stream.WriteAsync(Bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"scores\": [1"));
                    throw new IOException();
                case "reset": throw new IOException();
                case "endless":
                    await stream.WriteAsync(Bytes("HTTP/1.1 200 OK\r\n\r\n"));
                    for (int i = 0; i < 200; i++) { await stream.WriteAsync(megabyte); }
                    break;
                case "headers":
                    await stream.WriteAsync(Bytes("HTTP/1.1 200 OK\r\n"));
                    for (int i = 0; i < 10_000; i++) { await stream.WriteAsync(Bytes($"X-{i}: {new string('y', 100)}\r\n")); }
                    break;
                default:
                    await stream.WriteAsync(Bytes("SSH-2.0-OpenSSH\r\n\r\n"));
                    throw new IOException();
            }
        });
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url }, retries: 0, timeout: way is "drip" or "silent" ? 0.7 : 20);
        var clock = Stopwatch.StartNew();
        var replies = await model.ScoreAsync("a", "b");
        Assert.All(replies, reply => Assert.Contains(expected, reply.Failure, StringComparison.Ordinal));
        Assert.All(replies, reply => Assert.Contains("/score: ", reply.Failure, StringComparison.Ordinal));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"{clock.Elapsed}");
    }

    [Fact]
    public async Task A_service_that_is_not_there_is_named()
    {
        string url;
        using (var service = new FakeService(Lengths)) { url = service.Url; }
        using var model = RewardModels.Open(new HttpRewardSpec { Url = url }, retries: 1);
        Assert.All(await model.ScoreAsync("a", "b"), reply => Assert.Contains("Connection refused", reply.Failure, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Certificates_are_checked_against_the_named_authority_and_the_hosts_name()
    {
        using var authority = Certificate("CN=ctwa test authority", isAuthority: true, signer: null);
        using var right = Certificate("CN=localhost", isAuthority: false, authority);
        using var wrong = Certificate("CN=elsewhere.example", isAuthority: false, authority);
        string file = Path.Combine(Directory.CreateTempSubdirectory("ctwa-tls-").FullName, "ca.pem");
        File.WriteAllText(file, authority.ExportCertificatePem());
        try
        {
            async Task<RewardReply> AskAsync(X509Certificate2 certificate, string? caFile)
            {
                using var service = new FakeService((request, stream) => stream.WriteAsync(Encoding.UTF8.GetBytes(Lengths(request))).AsTask(), certificate);
                using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url, CaFile = caFile }, retries: 0, timeout: 20);
                return Assert.Single(await model.ScoreAsync("abc"));
            }

            Assert.Equal(3, Assert.Single((await AskAsync(right, file)).Outputs).Value);
            Assert.Contains("its certificate is not accepted", (await AskAsync(right, null)).Failure, StringComparison.Ordinal);
            Assert.Contains("its certificate is not accepted", (await AskAsync(wrong, file)).Failure, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    private static X509Certificate2 Certificate(string subject, bool isAuthority, X509Certificate2? signer)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        if (!isAuthority)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(subject[3..]);
            request.CertificateExtensions.Add(names.Build());
        }

        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1), to = DateTimeOffset.UtcNow.AddDays(1);
        if (signer is null) { return request.CreateSelfSigned(from, to); }
        using var signed = request.Create(signer, from.AddHours(1), to.AddHours(-1), [1, 2, 3, (byte)subject.Length]);
        using var withKey = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pfx), null);
    }
}
