using Xunit;

namespace Ctwa.Client.Tests;

public sealed class DependencyTests
{
    [Fact]
    public void The_command_carries_no_libtorch_and_no_silo()
    {
        string dependencies = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "ctwa.deps.json"));
        Assert.Contains("Microsoft.Orleans.Core/", dependencies, StringComparison.Ordinal);
        Assert.All(
            (string[])["TorchSharp", "libtorch", "Microsoft.Orleans.Server", "Ctwa.Training/", "ctwa-silo"],
            unwanted => Assert.DoesNotContain(unwanted, dependencies, StringComparison.OrdinalIgnoreCase));
    }
}
