using System.Globalization;
using System.Text;
using System.Text.Json;
using Ctwa.Client.Output;

namespace Ctwa.GpuCheck;

/// <summary>Tables of a measurements page, from the records of one run; they go between the page's marker lines.</summary>
internal static class Report
{
    public static void Run(Settings settings, Records records)
    {
        if (settings.Json is null || !File.Exists(settings.Json)) { throw new ArgumentException($"--json '{settings.Json}' is no file; give the gpu-check.jsonl that run.sh wrote."); }
        var section = new MarkedSection("results");
        if (section.Missing(settings.Output) is { } missing) { throw new ArgumentException($"--output: {missing}."); }
        var all = Records.Read(settings.Json);
        var text = new StringBuilder();
        Machine(all, text);
        Golden(all, text);
        Training(all, text);
        Generation(all, text);
        Profile(all, text);
        foreach (var failure in Of(all, "failure")) { text.AppendLine(CultureInfo.InvariantCulture, $"- **Failed**: `{Text(failure, "command")}` ended with {Number(failure, "status"):F0}."); }
        foreach (var failure in all.Where(one => one.TryGetProperty("error", out _) || one.TryGetProperty("skipped", out _)))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"- **PyTorch, {Text(failure, "part")} {Text(failure, "type")} {Text(failure, "detail")}**: {Text(failure, "error")}{Text(failure, "skipped")}");
        }

        section.Replace(settings.Output, text.ToString());
    }

    private static void Machine(JsonElement[] all, StringBuilder text)
    {
        foreach (var one in Of(all, "machine")) { text.AppendLine(CultureInfo.InvariantCulture, $"{Text(one, "gpu").Split(',')[0]} (driver {Text(one, "gpu").Split(',')[^1].Trim()}), {Text(one, "cores")} cores of {Text(one, "processor")}, {Text(one, "system")}, {Text(one, "date")}."); }
        foreach (var one in Of(all, "versions")) { text.AppendLine(CultureInfo.InvariantCulture, $"PyTorch {Text(one, "torch")} (CUDA {Text(one, "cuda")}), transformers {Text(one, "transformers")}, Python {Text(one, "python")}."); }
        foreach (var one in Of(all, "probe")) { text.AppendLine(CultureInfo.InvariantCulture, $"TorchSharp {Text(one, "torchsharp")} (built for libtorch {Text(one, "built_for_libtorch")}) on PyTorch's libtorch, {Text(one, "runtime")}."); }
        foreach (var one in Of(all, "symbols")) { text.AppendLine(CultureInfo.InvariantCulture, $"\nSymbols that TorchSharp's library needs: {Number(one, "needed"):F0}; not found: {(one.GetProperty("missing").GetArrayLength() is 0 ? "none" : string.Join(", ", one.GetProperty("missing").EnumerateArray()))}.{(one.GetProperty("load_error").ValueKind == JsonValueKind.Null ? "" : $" Load error: {Text(one, "load_error")}")}"); }
    }

    private static void Golden(JsonElement[] all, StringBuilder text)
    {
        text.AppendLine("\n### Golden decoder values\n\n| products | checks | failed | quantity | largest difference | bound |\n|---|---|---|---|---|---|");
        foreach (var type in Of(all, "golden").GroupBy(one => Text(one, "type")))
        {
            foreach (var quantity in type.GroupBy(one => Text(one, "quantity")))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"| {type.Key} | {quantity.Count()} | {quantity.Count(one => !one.GetProperty("ok").GetBoolean())} | {quantity.Key} | {quantity.Max(one => Number(one, "difference")):0.0e+0} | {quantity.Max(one => Number(one, "tolerance")):0.0e+0} |");
            }
        }
    }

    private static void Training(JsonElement[] all, StringBuilder text)
    {
        text.AppendLine("\n### Training: forward and backward\n\n| who | weights, products | attention | tokens/s | forward, ms | backward, ms | AdamW, ms | GiB | gradient repeats bit for bit | against PyTorch sdpa |\n|---|---|---|---|---|---|---|---|---|---|");
        var rows = Of(all, "train").Where(Measured).ToArray();
        foreach (var one in rows)
        {
            var twin = rows.FirstOrDefault(other => Text(other, "who") == "pytorch" && Text(other, "type") == Text(one, "type") && Text(other, "attention") == "sdpa");
            string memory = Gibibytes(one, Text(one, "who") == "ctwa" ? "memory_forward_backward" : "memory");
            string update = $"{1000 * Number(one, "adamw_seconds"):F0}" + (one.TryGetProperty("adamw_fused_seconds", out _) ? $" (fused {1000 * Number(one, "adamw_fused_seconds"):F0})" : "");
            text.AppendLine(CultureInfo.InvariantCulture, $"| {Text(one, "who")} | {Text(one, "type")} | {Text(one, "attention")} | {Number(one, "tokens_per_second"):N0} | {1000 * Number(one, "forward_seconds"):F0} | {1000 * Number(one, "backward_seconds"):F0} | {update} | {memory} | {Repeats(one)} | {Ratio(one, twin, "tokens_per_second", "tokens_per_second")} |");
        }
    }

    private static void Generation(JsonElement[] all, StringBuilder text)
    {
        text.AppendLine("\n### Generation\n\n| weights, products | rows | Ctwa tokens/s | ms per token | GiB | PyTorch loop | GiB | PyTorch `generate` | against the loop |\n|---|---|---|---|---|---|---|---|---|");
        var rows = Of(all, "generate").Where(Measured).ToArray();
        foreach (var one in rows.Where(row => Text(row, "who") == "ctwa"))
        {
            var twin = rows.FirstOrDefault(other => Text(other, "who") == "pytorch" && Text(other, "type") == Text(one, "type") && Number(other, "batch") == Number(one, "batch"));
            string theirs = twin.ValueKind == JsonValueKind.Undefined ? "| | |" : $"{Number(twin, "loop_tokens_per_second").ToString("N0", CultureInfo.InvariantCulture)} | {Gibibytes(twin, "memory")} | {Number(twin, "generate_tokens_per_second").ToString("N0", CultureInfo.InvariantCulture)}";
            text.AppendLine(CultureInfo.InvariantCulture, $"| {Text(one, "type")} | {Number(one, "batch"):F0} | {Number(one, "tokens_per_second"):N0} | {Number(one, "milliseconds_per_token"):F1} | {Gibibytes(one, "memory")} | {theirs} | {Ratio(one, twin, "tokens_per_second", "loop_tokens_per_second")} |");
        }
    }

    private static void Profile(JsonElement[] all, StringBuilder text)
    {
        text.AppendLine("\n### One generated token, by stage (each timed alone)\n\n| weights, products | rows | decoder, ms | of it until queued, ms | output matrix, ms | draw, ms |\n|---|---|---|---|---|---|");
        foreach (var one in Of(all, "profile"))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {Text(one, "type")} | {Number(one, "batch"):F0} | {1000 * Number(one, "decoder_seconds"):F1} | {1000 * Number(one, "decoder_queued_seconds"):F1} | {1000 * Number(one, "output_seconds"):F1} | {1000 * Number(one, "draw_seconds"):F1} |");
        }

        text.AppendLine();
    }

    private static IEnumerable<JsonElement> Of(JsonElement[] all, string part) => all.Where(one => Text(one, "part") == part);

    private static bool Measured(JsonElement one) => one.TryGetProperty("tokens_per_second", out _) || one.TryGetProperty("loop_tokens_per_second", out _);

    private static string Text(JsonElement one, string name) => one.ValueKind == JsonValueKind.Object && one.TryGetProperty(name, out var value) ? value.ToString() : "";

    private static double Number(JsonElement one, string name) => double.Parse(Text(one, name), CultureInfo.InvariantCulture);

    private static string Gibibytes(JsonElement one, string name) => Text(one, name) is "" ? "" : (Number(one, name) / (1L << 30)).ToString("F1", CultureInfo.InvariantCulture);

    private static string Repeats(JsonElement one) => !one.TryGetProperty("gradient_repeats_bit_for_bit", out var repeats) ? "" : repeats.GetBoolean() ? "yes" : $"no, {Number(one, "gradient_elements_that_differ").ToString("N0", CultureInfo.InvariantCulture)} elements differ";

    private static string Ratio(JsonElement one, JsonElement twin, string ours, string theirs) => twin.ValueKind == JsonValueKind.Undefined ? "" : (Number(one, ours) / Number(twin, theirs)).ToString("F2", CultureInfo.InvariantCulture) + "x";
}
