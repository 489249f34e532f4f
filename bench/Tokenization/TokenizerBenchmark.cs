using System.Text;
using Ctwa.Bench.Measuring;

namespace Ctwa.Bench.Tokenization;

/// <summary>
/// Megabytes (10^6 bytes of UTF-8) per second on one core against public tokenizers with the same file and texts. Encoders remember
/// words, so text that they have not seen is measured too: this checkout's own code and documents, by tokenizers that have just been loaded.
/// </summary>
internal static class TokenizerBenchmark
{
    private const string Help = """
        options of tokenizer alone:
          --tokenizer PATH  tokenizer.json or its folder (default: the golden Qwen3 tokenizer in CTWA_SHARED)
          --text PATH       texts: a file or a folder of .jsonl, .json, .txt or .md files (default: MATH-500 and the golden texts in CTWA_SHARED)
        """;

    public static ComparingBenchmark Comparing { get; } = With(null, null);

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, or 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        string? tokenizer = null, text = null;
        var rest = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--tokenizer" when i + 1 < args.Length: tokenizer = args[++i]; break;
                case "--text" when i + 1 < args.Length: text = args[++i]; break;
                default: rest.Add(args[i]); break;
            }
        }

        int code = await With(tokenizer, text).RunAsync([.. rest]);
        if (code != 0) { await Console.Error.WriteLineAsync(Help); }
        return code;
    }

    private static ComparingBenchmark With(string? tokenizer, string? text) => new("tokenizer", "MB/s encoded and decoded on one core, against public tokenizers", (report, options) => MeasureAsync(report, options, tokenizer, text));

    private static Task MeasureAsync(BenchmarkReport report, BenchOptions options, string? tokenizer, string? text)
    {
        string root = Checkout.Find().Root;
        string shared = Environment.GetEnvironmentVariable("CTWA_SHARED") is { Length: > 0 } set ? set : Path.Combine(root, "..", "shared");
        string golden = Path.Combine(shared, "golden", "decoder", "tokenizer"), file = tokenizer ?? golden;
        if (Directory.Exists(file)) { file = Path.Combine(file, "tokenizer.json"); }
        string[] sources = text is not null ? [text] : [Path.Combine(shared, "data", "math500"), Path.Combine(golden, "encodings.json")];
        List<string> texts = [.. sources.SelectMany(BenchTexts.Of)];
        if (!File.Exists(file) || texts.Count == 0)
        {
            Console.WriteLine($"| tokenizer | skipped: {(texts.Count == 0 ? $"no text in {string.Join(" or ", sources)}; name some with --text" : $"no {file}; name one with --tokenizer")} | | | | |");
            return Task.CompletedTask;
        }

        int target = options.Quick ? 2_000_000 : 8_000_000;
        List<string> many = [.. Enumerable.Repeat(texts, Math.Max(1, target / Math.Max(1, texts.Sum(Encoding.UTF8.GetByteCount)))).SelectMany(all => all)];
        List<string> code = BenchTexts.OfCheckout(root);
        new TokenizerComparison(report, options, file).Run(
        [
            ("", text is null ? "MATH-500 and golden texts, one by one" : "the texts, one by one", many),
            ("_long", "the same as one text", [string.Join("\n\n", many)]),
            ("_code", "code and prose", code),
        ], code);
        return Task.CompletedTask;
    }
}
