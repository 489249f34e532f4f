using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ctwa.Grains.Tests.Channel;

public sealed class TensorChannelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 64 * 1024)]
    [InlineData(3, 1_000_003)]
    [InlineData(4096, 0)]
    [InlineData(17, 5_000_000)]
    public async Task A_range_arrives_whole_and_right_and_its_lease_is_released(long offset, long length)
    {
        var tensors = new TestTensors();
        using var tensor = UnmanagedTensor.Filled(offset + length + 100, 5);
        using var destination = new UnmanagedTensor(length);
        tensors.Offer(1, tensor);
        await using var server = new TensorChannel(new TensorChannelOptions { Secret = "s3cret" }, tensors, NullLogger<TensorChannel>.Instance);
        await server.StartAsync(Token);
        await using var client = new TensorChannel(new TensorChannelOptions { Secret = "s3cret" }, tensors, NullLogger<TensorChannel>.Instance);
        for (int i = 0; i < 3; i++)
        {
            destination.Bytes.Clear();
            await client.PullAsync(server.Endpoint, new TensorRequest(TestTensors.Id(1), 1, offset, length), destination.Address, Token);
            Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes[(int)offset..(int)(offset + length)]));
        }

        await Eventually.IsAsync(() => tensors.Held == 0, "the leases are released", Token);
        Assert.Equal(3, tensors.Opened);
    }
}
