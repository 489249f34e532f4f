using Ctwa.Deploy.Tests.Manifests;

namespace Ctwa.Deploy.Tests.Rules;

/// <summary>Something that must hold in rendered manifests.</summary>
/// <param name="Name">By which mutations say who must catch them.</param>
/// <param name="Check">What is wrong, one text each; empty: nothing.</param>
internal sealed record ManifestRule(string Name, Func<ManifestSet, HostFacts, IEnumerable<string>> Check)
{
    /// <summary>Name of the strict reading that comes before all rules.</summary>
    public const string Strict = "strict reading";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManifestRule> All { get; } =
    [
        new("words", (set, _) => WordRules.Words(set)),
        new("names", (set, _) => ReferenceRules.Names(set)),
        new("selectors", (set, _) => ReferenceRules.Selectors(set)),
        new("ports", (set, _) => PortRules.Ports(set)),
        new("volumes", (set, _) => ReferenceRules.Volumes(set)),
        new("secrets", (set, _) => ReferenceRules.Secrets(set)),
        new("probes", ProbeRules.Probes),
        new("silo options", (set, _) => OptionRules.SiloOptions(set)),
        new("client variables", (set, _) => OptionRules.ClientVariables(set)),
        new("orleans", (set, _) => OrleansRules.Hosting(set)),
        new("api access", (set, _) => OrleansRules.ApiAccess(set)),
        new("shutdown", (set, _) => ShutdownRules.Shutdown(set)),
        new("disruption", (set, _) => ShutdownRules.Disruption(set)),
        new("rollout", (set, _) => ShutdownRules.Rollout(set)),
        new("network", (set, _) => NetworkRules.Network(set)),
        new("pod security", (set, _) => SecurityRules.PodSecurity(set)),
        new("storage", (set, _) => StorageRules.Storage(set)),
        new("redis", (set, _) => StorageRules.Redis(set)),
        new("resources", (set, _) => PlacementRules.Resources(set)),
        new("gpu", (set, _) => PlacementRules.Gpu(set)),
        new("spread", (set, _) => PlacementRules.Spread(set)),
        new("scaling", (set, _) => PlacementRules.Scaling(set)),
        new("images", (set, _) => PlacementRules.Images(set)),
    ];

    /// <summary>Reads manifests strictly and applies every rule.</summary>
    /// <returns>Names of rules and what they found.</returns>
    public static IReadOnlyList<(string Rule, string Finding)> Judge(string origin, string yaml, HostFacts host)
    {
        ManifestSet set;
        try { set = ManifestSet.Read(origin, yaml); }
        catch (InvalidDataException wrong) { return [(Strict, wrong.Message)]; }
        return [.. All.SelectMany(rule => rule.Check(set, host).Select(finding => (rule.Name, finding)))];
    }
}

/// <summary>What the real silo was seen to do.</summary>
/// <param name="StatusOf">HTTP status that a path of its health port answers with.</param>
internal sealed record HostFacts(Func<string, int> StatusOf);
