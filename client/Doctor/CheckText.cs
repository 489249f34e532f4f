using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.Client.Output;

namespace Ctwa.Client.Doctor;

/// <summary>Results of checks as text and as JSON.</summary>
internal static class CheckText
{
    private const int NameWidth = 12;

    public static IEnumerable<string> Lines(IEnumerable<Check> checks) => checks.SelectMany(Lines);

    /// <summary>One check: its line, and what to do below it.</summary>
    public static IEnumerable<string> Lines(Check check)
    {
        string indent = new(' ', 4 + 2 + NameWidth + 2);
        yield return $"{JsonText.Word(check.Status),-4}  {check.Name.PadRight(NameWidth)}  {check.Text.ReplaceLineEndings("\n" + indent)}";
        if (check.Advice is { } advice) { yield return $"{indent}-> {advice.ReplaceLineEndings("\n" + indent + "   ")}"; }
    }

    /// <summary><c>12 checks: 1 warning, nothing failed</c></summary>
    public static string Sum(IReadOnlyCollection<Check> checks)
    {
        int warned = checks.Count(check => check.Status == CheckStatus.Warn), failed = checks.Count(check => check.Status == CheckStatus.Fail);
        string warnings = string.Create(CultureInfo.InvariantCulture, $"{(warned == 0 ? "no" : warned.ToString(CultureInfo.InvariantCulture))} warning{(warned == 1 ? "" : "s")}");
        return string.Create(CultureInfo.InvariantCulture, $"{checks.Count} checks: {warnings}, {(failed == 0 ? "nothing" : failed.ToString(CultureInfo.InvariantCulture))} failed");
    }

    public static JsonObject Json(IReadOnlyCollection<Check> checks) => new()
    {
        ["ok"] = checks.All(check => check.Status != CheckStatus.Fail),
        ["checks"] = new JsonArray([.. checks.Select(check => (JsonNode)new JsonObject { ["name"] = check.Name, ["status"] = JsonText.Word(check.Status), ["text"] = check.Text, ["advice"] = check.Advice })]),
    };
}
