using Ctwa.Grains.Channel;
using Xunit;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>Alone, because the process' allocations are counted: those of both ends, on whatever thread.</summary>
[CollectionDefinition("allocations", DisableParallelization = true)]
public sealed class AllocationCollection;

[Collection("allocations")]
public sealed class AllocationTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_warm_pull_allocates_nothing_on_either_end(bool shared)
    {
        const int Pulls = 400;
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { SharedMemory = shared });
        using var tensor = UnmanagedTensor.Filled(300_000, 4);
        using var destination = new UnmanagedTensor(tensor.Length);
        using var never = new CancellationTokenSource();
        pair.Tensors.Offer(1, tensor);
        var request = new TensorRequest(TestTensors.Id(1), 1, 0, tensor.Length);
        long least = long.MaxValue;
        for (int trial = 0; trial < 6; trial++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            // Away from the test framework, whose own context allocates per continuation.
            await Task.Run(PullsAsync, Token);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        // What remains is of this test and the runtime, per trial, not per pull: the state of one method, the thread pool's own.
        Assert.InRange(least, 0, Pulls * 2);

        async Task PullsAsync()
        {
            for (int i = 0; i < Pulls; i++) { await pair.Client.PullInlineAsync(pair.Server.Endpoint, request, destination.Address, never.Token); }
        }
    }
}
