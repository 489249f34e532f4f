using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs.Access;

/// <summary>What clients may call at all, and with which role. Everything that is not listed belongs to the silos.</summary>
internal static class GridPermissions
{
    private static readonly Dictionary<string, GridRole> s_grid = new(StringComparer.Ordinal)
    {
        [nameof(IGridGrain.List)] = GridRole.Read,
        [nameof(IGridGrain.Get)] = GridRole.Read,
        [nameof(IGridGrain.History)] = GridRole.Read,
        [nameof(IGridGrain.Summary)] = GridRole.Read,
        [nameof(IGridGrain.Log)] = GridRole.Read,
        [nameof(IGridGrain.Silos)] = GridRole.Read,
        [nameof(IGridGrain.Submit)] = GridRole.Submit,
        [nameof(IGridGrain.Pause)] = GridRole.Submit,
        [nameof(IGridGrain.Resume)] = GridRole.Submit,
        [nameof(IGridGrain.Cancel)] = GridRole.Submit,
        [nameof(IGridGrain.SetPriority)] = GridRole.Submit,
        [nameof(IGridGrain.SetQuota)] = GridRole.Admin,
    };

    // Parts of Orleans itself that its client library calls; their types are not public.
    private static readonly HashSet<string> s_anyone = new(StringComparer.Ordinal)
    {
        // What grains there are: without it a client does not get as far as to show its token.
        "Orleans.Runtime.IClusterManifestSystemTarget",
        // "I do not wait any more", about a call that was let in before.
        "Orleans.Runtime.ICancellationSourcesExtension",
        "Orleans.Runtime.IGrainCallCancellationExtension",
    };

    /// <summary>Needs no token.</summary>
    public static bool IsOpenToAll(Type grain) => s_anyone.Contains(grain.FullName ?? "");

    /// <summary>The role that a call needs; null: no client may.</summary>
    public static GridRole? Needed(Type grain, string method)
    {
        if (grain == typeof(IGridGrain)) { return s_grid.TryGetValue(method, out var role) ? role : null; }
        if (grain == typeof(ICoordinatorGrain)) { return method == nameof(ICoordinatorGrain.Watch) ? GridRole.Read : null; }
        // Subscriptions to streams. Producing events is not for clients.
        return grain.FullName == "Orleans.Streams.IPubSubRendezvousGrain" && method is "RegisterConsumer" or "UnregisterConsumer" or "GetAllSubscriptions" or "FaultSubscription" ? GridRole.Read : null;
    }
}
