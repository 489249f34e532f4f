using Ctwa.Grains.Compute;
using Ctwa.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;

namespace Ctwa.Grains.Hosting;

/// <summary>What makes an Orleans silo one of the grid, whoever hosts it.</summary>
public static class GridSiloBuilder
{
    /// <summary>What an Orleans message may hold: a tensor in one is a mistake that must fail (invariant I8).</summary>
    public const int LargestMessageBytes = 4 * 1024 * 1024;

    /// <summary>Adds compute lanes and the limits of messages.</summary>
    public static ISiloBuilder AddGrid(this ISiloBuilder silo, SiloComputeOptions options)
    {
        silo.Services.AddSingleton(options);
        silo.Services.AddSingleton<JobHosts>();
        silo.Services.AddPlacementDirector<PinnedPlacement, PinnedPlacementDirector>();
        return silo.Configure<SiloMessagingOptions>(messaging =>
        {
            messaging.MaxMessageBodySize = LargestMessageBytes;
            messaging.ResponseTimeout = TimeSpan.FromSeconds(30);
        });
    }
}
