using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>Silos of a grid as a table and as JSON.</summary>
internal static class SiloListText
{
    public static IEnumerable<string> Table(IReadOnlyList<SiloOverview> silos)
    {
        if (silos.Count == 0) { return ["no silos"]; }
        string[][] rows =
        [
            ["address", "state", "role", "lanes", "memory", "since (UTC)", "version", "device", "jobs"],
            .. silos.Select(silo => (string[])
            [
                silo.Address, JsonText.Word(silo.State), Known(silo) ? Role(silo) : "-", Known(silo) ? silo.Lanes.ToString(CultureInfo.InvariantCulture) : "-",
                silo.MemoryBytes > 0 ? Numbers.Memory(silo.MemoryBytes) : "-", silo.StartedAt?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "-",
                silo.Version.Length > 0 ? silo.Version : "-", Known(silo) ? silo.Device : "-", silo.Jobs.Length > 0 ? string.Join(' ', silo.Jobs) : "-",
            ]),
        ];
        int lanes = silos.Where(silo => silo is { Computes: true, State: SiloCondition.Active }).Sum(silo => silo.Lanes);
        return [.. TextTable.Left(rows), string.Create(CultureInfo.InvariantCulture, $"{silos.Count} silo{(silos.Count == 1 ? "" : "s")}, {lanes} lane{(lanes == 1 ? "" : "s")} for shards")];
    }

    public static JsonObject Json(IEnumerable<SiloOverview> silos) => new()
    {
        ["silos"] = new JsonArray([.. silos.Select(silo => (JsonNode)new JsonObject
        {
            ["address"] = silo.Address,
            ["state"] = JsonText.Word(silo.State),
            ["role"] = Known(silo) ? Role(silo) : null,
            ["device"] = Known(silo) ? silo.Device : null,
            ["lanes"] = Known(silo) ? silo.Lanes : null,
            ["memory_bytes"] = silo.MemoryBytes > 0 ? silo.MemoryBytes : null,
            ["started_at"] = JsonText.Time(silo.StartedAt),
            ["version"] = silo.Version.Length > 0 ? silo.Version : null,
            ["jobs"] = new JsonArray([.. silo.Jobs.Select(job => (JsonNode)job)]),
        })]),
    };

    private static bool Known(SiloOverview silo) => silo.State is SiloCondition.Active or SiloCondition.Draining;

    private static string Role(SiloOverview silo) => silo.Computes ? "compute" : "control";
}
