using Ctwa.Client.LocalGrids;
using Xunit;

namespace Ctwa.Client.Tests.LocalGrids;

public sealed class UpOptionsTests
{
    [Theory]
    [InlineData("auto", "auto", "auto")]
    [InlineData("cuda:1", "cuda:1", "cuda:1")]
    [InlineData("cuda", "cuda:0", "cuda:1")]
    [InlineData("cuda:all", "cuda:0", "cuda:1")]
    [InlineData("cuda:3,cuda:5", "cuda:3", "cuda:5")]
    public void Listed_GPUs_are_one_for_each_silo(string device, string first, string second)
    {
        var options = new UpOptions { Silos = 2, Device = device };
        Assert.Empty(options.Errors());
        Assert.Equal((first, second), (options.DeviceOf(0), options.DeviceOf(1)));
    }

    [Fact]
    public void One_silo_keeps_all_the_GPUs() => Assert.Equal("cuda:all", new UpOptions { Device = "cuda:all" }.DeviceOf(0));

    [Fact]
    public void Every_mistake_is_told()
    {
        Assert.Equal(
            [
                "--silos is 0; accepted is 1 to 64.",
                "--lanes is 0; accepted is 1 to 1024.",
                "--drain-timeout is -1; accepted is 0 to 86400 seconds.",
                "--cluster-id is 'a b'; accepted are up to 64 letters, digits, dots, underscores and dashes.",
                "--device is 'gpu'; accepted are auto, cpu, cuda, cuda:N, cuda:all, or one for each silo as cuda:0,cuda:1.",
                "--redis-password-file goes with --redis; the one that is started here has no password and listens on loopback only.",
            ],
            new UpOptions { Silos = 0, Lanes = 0, DrainTimeout = -1, ClusterId = "a b", Device = "gpu", RedisPasswordFile = "f" }.Errors());
        Assert.Equal("--device names 2 devices for 3 silos; name one for each, or one for all.", Assert.Single(new UpOptions { Silos = 3, Device = "cuda:0,cuda:1" }.Errors()));
        Assert.StartsWith("--redis has the port 'x'", Assert.Single(new UpOptions { Redis = "h:x" }.Errors()), StringComparison.Ordinal);
    }
}
