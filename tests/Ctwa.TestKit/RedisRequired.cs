using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.TestKit;

/// <summary>For tests that need Redis.</summary>
public static class RedisRequired
{
    /// <summary>A server of the test's own; skips the running test, with the reason, where there is no redis-server and none can be installed.</summary>
    public static async Task<RedisServer> StartAsync()
    {
        await OrSkipAsync();
        return await RedisServer.StartAsync();
    }

    /// <summary>Skips the running test where there can be no Redis.</summary>
    public static async Task OrSkipAsync()
    {
        var (binary, whyNot) = await RedisBinary.GetAsync();
        Assert.SkipWhen(binary is null, whyNot ?? "");
    }
}
