using System.Diagnostics;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Ctwa.Grains.Tests;

public sealed class MessageTests
{
    // Whoever puts a tensor into a message learns it in a test, not from a slow grid (invariant I8).
    [Fact]
    public async Task A_message_beyond_the_limit_fails_and_the_silo_goes_on()
    {
        var token = TestContext.Current.CancellationToken;
        await using var silo = await TestSilo.StartAsync(lanes: 1);
        using var client = await silo.ConnectAsync(TimeSpan.FromSeconds(10));
        var coordinator = client.Services.GetRequiredService<IClusterClient>().GetGrain<ICoordinatorGrain>("large");

        // Accepted in size, refused in content: the limit is not simply that of nothing at all.
        Assert.Equal(JobFailureKind.BadInput, (await coordinator.Submit(new JobSubmission(new string('x', 1 << 20), "/nowhere", false), token))!.Kind);

        var clock = Stopwatch.StartNew();
        var tooLarge = new JobSubmission(new string('x', GridSiloBuilder.LargestMessageBytes + 1), "/nowhere", false);
        await Assert.ThrowsAnyAsync<Exception>(() => coordinator.Submit(tooLarge, token));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"it took {clock.Elapsed}");
        Assert.Equal(JobStatus.Unknown, (await silo.Grains.GetGrain<ICoordinatorGrain>("large").Watch(0, token)).Status);
        await client.StopAsync(token);
    }
}
