using System.Globalization;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>A report for people.</summary>
internal static class ReportText
{
    public static void Write(ModelReport report, TextWriter output)
    {
        void Line(string label, FormattableString text) => output.WriteLine($"  {label,-16} {text.ToString(CultureInfo.InvariantCulture)}");
        void More(FormattableString text) => Line("", text);
        output.WriteLine($"{report.Path}: {report.Kind}");
        if (report.Checkpoints.Length > 0) { Line("checkpoints", $"{string.Join(", ", report.Checkpoints)}; shown is the newest, its hashes not verified"); }
        if (report.Adapter is { } adapter)
        {
            Line("LoRA", $"rank {adapter.Rank}, alpha {adapter.Alpha}, scale {adapter.Scale:G6}, on {string.Join(", ", adapter.TargetModules)}");
            Line("base model", $"{adapter.BaseModel ?? "not named"}");
            Line("adapter", $"{report.AdapterParameters:N0} parameters");
        }

        if (report.Model is { } model) { Shape(model, Line); }
        if (report.Tokenizer is { } tokenizer)
        {
            string size = tokenizer.Size is { } ids ? string.Create(CultureInfo.InvariantCulture, $"{ids:N0} ids{(report.Model is { } known && known.VocabSize >= ids ? string.Create(CultureInfo.InvariantCulture, $", {known.VocabSize - ids:N0} rows of the embedding unused") : "")}") : "no tokenizer.json";
            Line("tokenizer", $"{size}");
            Line("chat template", $"{tokenizer.ChatTemplate ?? "none"}");
            Line("stop tokens", $"{(report.Stops.Length == 0 ? "none; the tokenizer's end of text ends an answer" : string.Join("; ", report.Stops.Select(stop => $"{stop.Id}{(stop.Text is { } text ? " " + SafetensorsHeader.Quote(text) : "")} ({string.Join(", ", stop.Files)})")))}");
        }

        foreach (var (type, i) in report.Types.Select((type, i) => (type, i))) { Line(i == 0 ? "stored" : "", $"{type.Type}: {type.Elements:N0} numbers in {type.Tensors:N0} tensors"); }
        foreach (var (file, i) in report.Files.Take(20).Select((file, i) => (file, i))) { Line(i == 0 ? "files" : "", $"{file.Name}  {file.SizeBytes:N0} bytes"); }
        if (report.Files.Length > 20) { More($"and {report.Files.Length - 20} more; {report.Files.Sum(file => file.SizeBytes):N0} bytes in all"); }
        foreach (var (key, value) in report.Metadata.Take(20)) { Line("metadata", $"{SafetensorsHeader.Quote(key)} {SafetensorsHeader.Quote(value)}"); }
        if (report.Model is { } shape) { Memory(new ModelMemory(shape), Line); }
    }

    private static void Shape(ModelConfig model, Action<string, FormattableString> line)
    {
        var memory = new ModelMemory(model);
        line("architecture", $"{ModelConfig.TypeName(model.Architecture)}: {model.NumHiddenLayers} layers, hidden {model.HiddenSize:N0}, feed-forward {model.IntermediateSize:N0}, config.json says {model.TorchDtype}");
        line("attention", $"{model.NumAttentionHeads} heads, {model.NumKeyValueHeads} key/value heads, head size {model.HeadDim}{(model.HasAttentionBias ? ", biases" : "")}{(model.HasQueryKeyNorm ? ", normalised queries and keys" : "")}");
        string scaling = model.RopeScaling is { } rope ? string.Create(CultureInfo.InvariantCulture, $"llama3, factor {rope.Factor} over {rope.OriginalMaxPositionEmbeddings:N0}") : "none";
        line("positions", $"{model.MaxPositionEmbeddings:N0}; rotary base {model.RopeTheta:N0}, scaling {scaling}");
        line("vocabulary", $"{model.VocabSize:N0} rows, {(model.TieWordEmbeddings ? "tied: the embedding is the output matrix too" : "not tied")}");
        line("parameters", $"{memory.Parameters:N0}: embedding {memory.Embedding:N0}, {model.NumHiddenLayers} x {memory.PerLayer:N0} in layers{(model.TieWordEmbeddings ? "" : string.Create(CultureInfo.InvariantCulture, $", output matrix {memory.Embedding:N0}"))}, last norm {model.HiddenSize:N0}");
    }

    private static void Memory(ModelMemory memory, Action<string, FormattableString> line)
    {
        line("memory", $"policy weights {Size(memory.Weights(4))} in float32, {Size(memory.Weights(2))} in bfloat16 or float16");
        line("", $"gradients {Size(memory.Weights(4))} per buffer, AdamW moments {Size(memory.Moments)} (float32)");
        line("", $"reference policy {Size(memory.Weights(4))} in float32, {Size(memory.Weights(2))} in bfloat16; with LoRA none: it is the base model");
        line("", $"key/value cache {memory.CachePerToken(4):N0} bytes per token in float32, {memory.CachePerToken(2):N0} in bfloat16");
        line("", $"LoRA of rank {ModelMemory.AdapterRank} on all linear layers: {memory.AdapterParameters:N0} parameters, {Size(4 * memory.AdapterParameters)} in float32");
    }

    /// <summary>Bytes in MB or GB (powers of ten).</summary>
    public static string Size(long bytes) => bytes >= 1_000_000_000
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2} GB") : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F2} MB");
}
