using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.Grains.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Xunit;

namespace Ctwa.Grains.Tests.Placement;

/// <summary>Where grains live in a cluster of two silos.</summary>
public sealed class PlacementTests : IAsyncLifetime
{
    private TwoSilos _silos = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _silos = await TwoSilos.StartAsync(Token);

    public ValueTask DisposeAsync() => _silos.DisposeAsync();

    [Fact]
    public async Task Filtered_grains_live_where_the_metadata_say_whoever_calls()
    {
        for (int grain = 0; grain < 8; grain++)
        {
            Assert.Equal(_silos.ComputeAddress, await PatientlyAsync(() => _silos.FromControl.GetGrain<IComputeProbe>($"c{grain}").Where()));
            Assert.Equal(_silos.ControlAddress, await PatientlyAsync(() => _silos.FromCompute.GetGrain<IControlProbe>($"k{grain}").Where()));
        }
    }

    [Fact]
    public async Task Without_such_a_silo_a_call_fails_and_does_not_wait()
    {
        var failure = await Assert.ThrowsAnyAsync<OrleansException>(() => _silos.FromControl.GetGrain<IGpuProbe>("g").Where());
        Assert.Contains("No active nodes are compatible with grain", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hint_decides_where_a_grain_without_a_pin_comes_to_life()
    {
        for (int grain = 0; grain < 8; grain++)
        {
            var wanted = grain % 2 == 0 ? _silos.ControlAddress : _silos.ComputeAddress;
            RequestContext.Set(IPlacementDirector.PlacementHintKey, wanted);
            try { Assert.Equal(wanted, await _silos.FromControl.GetGrain<IAnywhereProbe>($"h{grain}").Where()); }
            finally { RequestContext.Remove(IPlacementDirector.PlacementHintKey); }
        }
    }

    [Fact]
    public async Task Silos_describe_themselves_where_they_are_pinned()
    {
        var control = await Describe(_silos.FromCompute, _silos.ControlAddress);
        Assert.Equal((false, 2, 1000L, false, 0), (control.Computes, control.Lanes, control.MemoryBytes, control.Draining, control.ChannelPort));
        Assert.Equal(_silos.ControlAddress.ToParsableString(), control.Address);
        Assert.StartsWith("cpu ", control.Device, StringComparison.Ordinal);
        Assert.Contains("libtorch 2.", control.Fingerprint, StringComparison.Ordinal);

        _silos.ComputeSelf.ServeTensorsAt("10.0.0.7", 4711);
        _silos.ComputeSelf.BeginDraining();
        var compute = await Describe(_silos.FromControl, _silos.ComputeAddress);
        Assert.Equal((true, true, "10.0.0.7", 4711), (compute.Computes, compute.Draining, compute.ChannelHost, compute.ChannelPort));
        Assert.Equal(control.Fingerprint, compute.Fingerprint);
    }

    [Fact]
    public async Task A_grain_pinned_to_a_silo_that_is_not_there_fails()
    {
        var gone = SiloAddress.New(_silos.ControlAddress.Endpoint, 1);
        var failure = await Assert.ThrowsAnyAsync<OrleansException>(() => Describe(_silos.FromControl, gone));
        Assert.Contains("is not an active member of the grid", failure.Message, StringComparison.Ordinal);
    }

    private static Task<SiloDescription> Describe(IGrainFactory grains, SiloAddress silo) =>
        grains.GetGrain<ISiloGrain>(GrainKeys.Of("-", GrainKeys.Whole, silo.ToParsableString())).Describe(Token);

    // Metadata of a silo that has just joined arrive a moment later.
    private static async Task<SiloAddress> PatientlyAsync(Func<Task<SiloAddress>> call)
    {
        for (int attempt = 1; ; attempt++)
        {
            try { return await call(); }
            catch (OrleansException) when (attempt < 50) { await Task.Delay(200, Token); }
        }
    }
}

/// <summary>Says where it lives.</summary>
public interface IProbe : IGrainWithStringKey
{
    Task<SiloAddress> Where();
}

public interface IComputeProbe : IProbe;

public interface IControlProbe : IProbe;

public interface IGpuProbe : IProbe;

public interface IAnywhereProbe : IProbe;

[SilosWith(SiloMetadataKeys.Role, SiloMetadataKeys.ComputeRole)]
public sealed class ComputeProbe(ILocalSiloDetails silo) : Grain, IComputeProbe
{
    public Task<SiloAddress> Where() => Task.FromResult(silo.SiloAddress);
}

[SilosWith(SiloMetadataKeys.Role, SiloMetadataKeys.ControlRole)]
public sealed class ControlProbe(ILocalSiloDetails silo) : Grain, IControlProbe
{
    public Task<SiloAddress> Where() => Task.FromResult(silo.SiloAddress);
}

[SilosWith(SiloMetadataKeys.Device, "cuda")]
public sealed class GpuProbe(ILocalSiloDetails silo) : Grain, IGpuProbe
{
    public Task<SiloAddress> Where() => Task.FromResult(silo.SiloAddress);
}

public sealed class AnywhereProbe(ILocalSiloDetails silo) : Grain, IAnywhereProbe
{
    public Task<SiloAddress> Where() => Task.FromResult(silo.SiloAddress);
}
