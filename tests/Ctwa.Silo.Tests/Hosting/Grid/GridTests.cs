using System.Net;
using Ctwa.Silo.Hosting;
using Ctwa.Silo.Hosting.Redis;
using Ctwa.TestKit.Processes;
using StackExchange.Redis;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Grid;

/// <summary>Real silos around a real Redis.</summary>
public sealed class GridTests
{
    private const string Members = "ctwa/members/x";
    private const string Peers = "ctwa/x/peers";
    private const string Mark = "ctwa/x/grid";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Silos_join_answer_probes_drain_and_leave()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var first = SiloUnderTest.Join(redis);
        await using var second = SiloUnderTest.Join(redis);
        var ports = await first.ReadyAsync();
        await second.ReadyAsync();
        Assert.Equal(ports["silo"], ports["address"].Split(':')[1].Split('@')[0]);
        Assert.Equal(3, new[] { ports["silo"], ports["gateway"], ports["health"] }.Distinct().Count());

        await using var connection = await redis.ConnectAsync();
        var database = connection.GetDatabase();
        Assert.Equal(3, await database.HashLengthAsync(Members)); // Two silos and the version.
        Assert.Equal(2, await database.HashLengthAsync(Peers));

        Assert.Equal(HttpStatusCode.OK, (await first.GetAsync("/healthz")).Status);
        var (status, body) = await first.GetAsync("/readyz");
        Assert.Equal((HttpStatusCode.OK, $$"""{"status":"ok","silo":"{{ports["address"]}}","reasons":[]}"""), (status, body));
        Assert.Equal(HttpStatusCode.NotFound, (await first.GetAsync("/secrets")).Status);

        first.Send(UnixSignal.Terminate);
        Assert.Equal(SiloExitCodes.Success, await first.EndAsync());
        Assert.Contains("this silo leaves", first.Text, StringComparison.Ordinal);
        Assert.Equal(1, await database.HashLengthAsync(Peers));
        Assert.Equal(HttpStatusCode.OK, (await second.GetAsync("/readyz")).Status);
    }

    [Fact]
    public async Task A_silo_with_another_secret_or_none_does_not_join_and_the_grid_goes_on()
    {
        string folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;
        try
        {
            string Secret(string text)
            {
                string path = Path.Combine(folder, text[..5]);
                File.WriteAllText(path, text);
                if (!OperatingSystem.IsWindows()) { File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite); }
                return path;
            }

            const string right = "right-secret-of-the-grid", wrong = "wrong-secret-of-another";
            await using var redis = await RedisProcess.StartAsync();
            await using var first = SiloUnderTest.Join(redis, "--secret-file", Secret(right));
            await first.ReadyAsync();
            await using var other = SiloUnderTest.Join(redis, "--secret-file", Secret(wrong));
            Assert.Equal(SiloExitCodes.WrongSecret, await other.EndAsync());
            Assert.Contains("this silo's secret is not the grid's", other.Text, StringComparison.Ordinal);
            await using var none = SiloUnderTest.Join(redis);
            Assert.Equal(SiloExitCodes.WrongSecret, await none.EndAsync());
            Assert.Contains("the grid has a secret, and this silo has none", none.Text, StringComparison.Ordinal);
            await using var second = SiloUnderTest.Join(redis, "--secret-file", Secret(right));
            await second.ReadyAsync();
            Assert.False(first.Exited.IsCompleted);
            Assert.DoesNotContain("secret-of", first.Text + other.Text + none.Text + second.Text, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Members_that_Redis_lost_are_put_back_and_others_join_the_same_grid()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var first = SiloUnderTest.Join(redis);
        await using var second = SiloUnderTest.Join(redis);
        string one = (await first.ReadyAsync())["address"], two = (await second.ReadyAsync())["address"];

        await redis.KillAsync();
        Assert.Contains("has not answered for", await first.UntilReadyIsAsync(HttpStatusCode.ServiceUnavailable), StringComparison.Ordinal);
        await redis.RestartAsync();
        await first.UntilReadyIsAsync(HttpStatusCode.OK);
        await second.UntilReadyIsAsync(HttpStatusCode.OK);
        await using var third = SiloUnderTest.Join(redis);
        string three = (await third.ReadyAsync())["address"];

        await using var connection = await redis.ConnectAsync();
        string[] members = [.. (await connection.GetDatabase().HashKeysAsync(Members)).Select(key => (string)key!)];
        Assert.Equal(new[] { one, two, three }.Select(RowName).Append("Version").Order(StringComparer.Ordinal), members.Order(StringComparer.Ordinal));
        Assert.Contains("2 entries were put back", first.Text + second.Text, StringComparison.Ordinal);
        Assert.False(first.Exited.IsCompleted || second.Exited.IsCompleted);
    }

    [Fact]
    public async Task A_silo_refuses_to_serve_while_living_peers_are_not_among_the_members()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var connection = await redis.ConnectAsync();
        var database = connection.GetDatabase();
        // What running silos say within 2 s after Redis has come back empty, before they could put the members back.
        await using var late = SiloUnderTest.Join(redis);
        while (await database.HashLengthAsync(Members) == 0) { await Task.Delay(50, Token); }
        await database.ScriptEvaluateAsync("local t = redis.call('TIME'); redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', t[1] * 1000))", [Peers], ["S10.0.0.1:11111:1"]);
        Assert.Equal(SiloExitCodes.SplitGrid, await late.EndAsync());
        Assert.Contains("error: silos that were alive within the last 30 s are not in the list of members: S10.0.0.1:11111:1.", late.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("ctwa-silo ready", late.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silo_whose_name_another_grid_has_taken_leaves()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var silo = SiloUnderTest.Join(redis);
        await silo.ReadyAsync();
        await using var connection = await redis.ConnectAsync();
        await connection.GetDatabase().StringSetAsync(Mark, "another");
        Assert.Equal(SiloExitCodes.SplitGrid, await silo.EndAsync());
        Assert.Contains("another grid has taken the name of this one", silo.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_usurpers_list_of_members_is_replaced_by_the_grids_own()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var silo = SiloUnderTest.Join(redis);
        string address = (await silo.ReadyAsync())["address"];
        await using var connection = await redis.ConnectAsync();
        var database = connection.GetDatabase();
        // A silo that joined the empty Redis first: its table, not yet its mark.
        await database.KeyDeleteAsync([Members, Mark]);
        await database.HashSetAsync(Members, [new HashEntry("Version", "2"), new HashEntry("S10.0.0.1:11111:1", "{}")]);
        while (!await database.HashExistsAsync(Members, RowName(address))) { await Task.Delay(50, Token); }
        Assert.False(await database.HashExistsAsync(Members, "S10.0.0.1:11111:1"));
        Assert.True(await database.KeyExistsAsync(Mark));
        await silo.UntilReadyIsAsync(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Without_Redis_or_with_a_wrong_password_a_silo_says_so_and_ends()
    {
        await using var redis = await RedisProcess.StartAsync(password: "right-password");
        await using var wrong = SiloUnderTest.Start(new Dictionary<string, string> { ["CTWA_REDIS_PASSWORD"] = "wrong-password" }, "--clustering", "redis", "--redis", redis.Address, "--cluster-id", "x");
        Assert.Equal(SiloExitCodes.RedisUnreachable, await wrong.EndAsync());
        Assert.Contains($"error: the Redis at redis://{redis.Address} cannot be used", wrong.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-password", wrong.Text, StringComparison.Ordinal);

        await using (var right = SiloUnderTest.Start(new Dictionary<string, string> { ["CTWA_REDIS_PASSWORD"] = "right-password" }, "--clustering", "redis", "--redis", redis.Address, "--cluster-id", "x"))
        {
            await right.ReadyAsync();
            Assert.DoesNotContain("right-password", right.Text, StringComparison.Ordinal);
        }

        await redis.KillAsync();
        await using var alone = SiloUnderTest.Join(redis);
        Assert.Equal(SiloExitCodes.RedisUnreachable, await alone.EndAsync());
    }

    [Fact]
    public async Task A_parent_can_ask_a_silo_to_leave_and_takes_it_along_when_it_dies()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var asked = SiloUnderTest.Join(redis, "--parent-stdin");
        await using var orphan = SiloUnderTest.Join(redis, "--parent-stdin");
        await asked.ReadyAsync();
        await orphan.ReadyAsync();
        asked.Send(UnixSignal.Terminate); // The parent's business.
        asked.Write("\n");
        Assert.Equal(SiloExitCodes.Success, await asked.EndAsync());
        Assert.Contains("this silo leaves", asked.Text, StringComparison.Ordinal);
        orphan.CloseInput();
        Assert.Equal(SiloExitCodes.Success, await orphan.EndAsync());
    }

    [Fact]
    public async Task Two_silos_with_one_folder_or_one_port_are_told()
    {
        await using var redis = await RedisProcess.StartAsync();
        var folder = Directory.CreateTempSubdirectory("ctwa-data-");
        try
        {
            await using var first = SiloUnderTest.Join(redis, "--data", folder.FullName);
            string port = (await first.ReadyAsync())["gateway"];
            await using var second = SiloUnderTest.Join(redis, "--data", folder.FullName);
            Assert.Equal(SiloExitCodes.StorageFailed, await second.EndAsync());
            Assert.Contains($"error: --data {folder.FullName} cannot be used", second.Text, StringComparison.Ordinal);
            await using var third = SiloUnderTest.Join(redis, "--gateway-port", port);
            Assert.Equal(SiloExitCodes.PortTaken, await third.EndAsync());
            Assert.Contains("address already in use", third.Text, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Epochs_grow_whoever_asks_and_whatever_Redis_forgot()
    {
        await using var redis = await RedisProcess.StartAsync();
        await using var here = new GridRedis(redis.Endpoint, "x");
        await using var there = new GridRedis(redis.Endpoint, "x");
        RedisEpochSource[] sources = [new(here), new(there)];
        long[] epochs = await Task.WhenAll(Enumerable.Range(0, 100).Select(call => sources[call % 2].NextAsync("job", 1, Token)));
        Assert.Equal(Enumerable.Range(1, 100).Select(number => (long)number), epochs.Order());
        Assert.Equal(1000, await sources[0].NextAsync("job", 1000, Token));
        Assert.Equal(1001, await sources[1].NextAsync("job", 7, Token));
        Assert.Equal(1, await sources[1].NextAsync("another", 1, Token));
        await redis.RestartAsync();
        Assert.Equal(1002, await sources[0].NextAsync("job", 1002, Token));
    }

    private static string RowName(string address) => "S" + address.Replace('@', ':');
}
