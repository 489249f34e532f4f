using Ctwa.Grains.Channel;
using Ctwa.Grains.Compute;
using Orleans.Runtime;

namespace Ctwa.Grains.Hosting;

/// <summary>Serves this silo's tensors before it is a member of the grid, and until it is none any more.</summary>
internal sealed class ChannelService(TensorChannel channel, SiloSelf self) : ILifecycleParticipant<ISiloLifecycle>, ITensorTransport
{
    /// <inheritdoc/>
    public Task PullAsync(TensorEndpoint peer, TensorRequest request, nint destination, CancellationToken cancellationToken) => channel.PullAsync(peer, request, destination, cancellationToken);

    /// <inheritdoc/>
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(ChannelService),
        ServiceLifecycleStage.First,
        async token =>
        {
            await channel.StartAsync(token);
            self.ServeTensorsAt(channel.Endpoint.Host, channel.Endpoint.Port);
        },
        async _ => await channel.DisposeAsync());
}
