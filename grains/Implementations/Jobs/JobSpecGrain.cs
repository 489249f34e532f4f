using Ctwa.Grains.Hosting;
using Orleans.Runtime;

namespace Ctwa.Grains.Jobs;

/// <summary>The text of one job, keyed by its id, in a record of its own: all jobs together would exceed a message.</summary>
[Alias("ctwa.IJobSpecGrain")]
internal interface IJobSpecGrain : IGrainWithStringKey
{
    [Alias("Store")]
    Task Store(string json, CancellationToken cancellationToken);

    /// <summary>Null: none is stored.</summary>
    [Alias("Load")]
    Task<string?> Load(CancellationToken cancellationToken);

    [Alias("Forget")]
    Task Forget(CancellationToken cancellationToken);
}

/// <inheritdoc cref="IJobSpecGrain"/>
internal sealed class JobSpecGrain([PersistentState("job", GridSiloBuilder.ProviderName)] IPersistentState<JobSpecState> state) : Grain, IJobSpecGrain
{
    public Task Store(string json, CancellationToken cancellationToken)
    {
        state.State = new JobSpecState { Json = json };
        return state.WriteStateAsync(cancellationToken);
    }

    public Task<string?> Load(CancellationToken cancellationToken) => Task.FromResult(state.RecordExists ? state.State.Json : null);

    public async Task Forget(CancellationToken cancellationToken)
    {
        await state.ClearStateAsync(cancellationToken);
        DeactivateOnIdle();
    }
}

/// <summary>What is stored.</summary>
[GenerateSerializer, Alias("ctwa.JobSpecState")]
internal sealed record JobSpecState
{
    [Id(0)]
    public string? Json { get; init; }
}
