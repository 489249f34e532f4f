using System.Text.Json.Serialization;

namespace Ctwa.Silo.Hosting.Health;

/// <summary>Answer of a health endpoint.</summary>
/// <param name="Status"><c>ok</c>, or what is not.</param>
/// <param name="Silo">Address of the silo; empty until it has one.</param>
/// <param name="Reasons">Why not; empty if all is well.</param>
internal sealed record HealthReport(
    [property: JsonPropertyName("status")] string Status,
    [property: JsonPropertyName("silo")] string Silo,
    [property: JsonPropertyName("reasons")] IReadOnlyList<string> Reasons)
{
    /// <summary>All is well.</summary>
    [JsonIgnore]
    public bool IsGood => Reasons.Count == 0;
}
