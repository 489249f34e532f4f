using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grid.Tests.Harness;

public sealed class RedisServerTests
{
    [Fact]
    public async Task A_killed_server_comes_back_on_its_port_with_what_it_was_told()
    {
        await using var redis = await RedisRequired.StartAsync();
        int port = redis.Port;
        Assert.Equal("+OK", await redis.AskAsync("SET", "key", "value"));
        await redis.KillAsync();
        Assert.False(redis.IsRunning);
        await redis.RestartAsync(keepData: true);
        Assert.Equal(port, redis.Port);
        Assert.Equal("value", await redis.AskAsync("GET", "key"));
    }

    [Fact]
    public async Task A_server_restarted_without_data_is_empty()
    {
        await using var redis = await RedisRequired.StartAsync();
        await redis.AskAsync("SET", "key", "value");
        await redis.RestartAsync(keepData: false);
        Assert.Equal("$-1", await redis.AskAsync("GET", "key"));
    }

    [Fact]
    public async Task A_paused_server_answers_late_and_nothing_is_lost()
    {
        await using var redis = await RedisRequired.StartAsync();
        await redis.AskAsync("SET", "key", "value");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var pause = redis.PauseAsync(TimeSpan.FromMilliseconds(700));
        Assert.Equal("value", await redis.AskAsync("GET", "key"));
        Assert.InRange(clock.ElapsedMilliseconds, 500, 20_000);
        await pause;
    }

    [Fact]
    public async Task It_ends_with_its_owner()
    {
        var redis = await RedisRequired.StartAsync();
        var process = LinuxProcess.Find(redis.ProcessId)!.Value;
        Assert.True(process.IsRunning);
        await redis.DisposeAsync();
        Assert.False(process.IsRunning);
    }
}
