using System.Globalization;
using System.Text;

namespace Ctwa.Bench.Simulate;

/// <summary>Simulated steps as a Markdown table.</summary>
internal static class SimulationTable
{
    private static readonly string[] s_phases = ["generate", "score", "train", "collect", "mirror", "gram", "apply", "publish", "observe", "control"];

    /// <param name="results">By number of silos; the first is what efficiency compares with.</param>
    /// <param name="weak">The work grows with the silos.</param>
    /// <param name="devices">Of a silo.</param>
    public static string Of(IReadOnlyList<StepResult> results, bool weak, int devices)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"| silos |{(devices > 1 ? " devices |" : "")} step s | efficiency | {string.Join(" | ", s_phases)} | GB per silo | calls | binds |\n");
        text.Append(CultureInfo.InvariantCulture, $"|{string.Concat(Enumerable.Repeat("---|", s_phases.Length + 6 + (devices > 1 ? 1 : 0)))}\n");
        foreach (var result in results)
        {
            double efficiency = results[0].Seconds * results[0].Silos / result.Seconds / (weak ? results[0].Silos : result.Silos);
            string size = devices > 1 ? string.Create(CultureInfo.InvariantCulture, $"{result.Silos} | {result.Silos * devices}") : result.Silos.ToString(CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"| {size} | {Seconds(result.Seconds)} | {efficiency:P0} | {string.Join(" | ", s_phases.Select(phase => Seconds(result.Of(phase))))} | {result.SiloBytes / 1e9:0.0} | {result.Calls} | {result.Binds} |\n");
        }

        return text.ToString();
    }

    /// <summary>Three digits, as far as they mean something.</summary>
    public static string Seconds(double value) => value switch
    {
        0 => "0",
        < 0.0005 => "<0.001",
        < 10 => value.ToString("0.###", CultureInfo.InvariantCulture),
        < 1000 => value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => value.ToString("N0", CultureInfo.InvariantCulture),
    };
}
