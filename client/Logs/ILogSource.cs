using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Logs;

/// <summary>Where a log is read.</summary>
internal interface ILogSource
{
    /// <summary>Between two looks.</summary>
    TimeSpan Period => TimeSpan.FromSeconds(1);

    /// <summary>See <see cref="IGridGrain.Log"/>.</summary>
    Task<JobLogPage> ReadAsync(long from, CancellationToken cancellationToken);

    /// <summary>More may come.</summary>
    Task<bool> GoesOnAsync(CancellationToken cancellationToken);

    /// <summary>Says why there is nothing.</summary>
    Task ExplainSilenceAsync(CancellationToken cancellationToken);
}
