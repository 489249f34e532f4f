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

    public static ComparingBenchmark Comparing { get; } = With(null);

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, or 2 for wrong arguments or a tokenizer or texts that are not there.</returns>
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

        if (BenchOptions.Parse([.. rest]) is null)
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        var inputs = TokenizerInputs.Find(tokenizer, text);
        if (inputs.Missing is { } missing)
        {
            await Console.Error.WriteLineAsync(missing);
            return 2;
        }

        return await With(inputs).RunAsync([.. rest]);
    }

    private static ComparingBenchmark With(TokenizerInputs? inputs) => new("tokenizer", "MB/s encoded and decoded on one core, against public tokenizers", (report, options) => MeasureAsync(report, options, inputs ?? TokenizerInputs.Find(null, null)));

    private static Task MeasureAsync(BenchmarkReport report, BenchOptions options, TokenizerInputs inputs)
    {
        if (inputs.Missing is { } missing)
        {
            // A part of the summary: the others are measured all the same.
            Console.WriteLine($"| tokenizer | skipped: {missing} | | | | |");
            return Task.CompletedTask;
        }

        int target = options.Quick ? 2_000_000 : 8_000_000;
        List<string> many = [.. Enumerable.Repeat(inputs.Texts, Math.Max(1, target / Math.Max(1, inputs.Texts.Sum(Encoding.UTF8.GetByteCount)))).SelectMany(all => all)];
        List<string> code = BenchTexts.OfCheckout(Checkout.Find().Root);
        new TokenizerComparison(report, options, inputs.Tokenizer).Run(
        [
            ("", inputs.Golden ? "MATH-500 and golden texts, one by one" : "the texts, one by one", many),
            ("_long", "the same as one text", [string.Join("\n\n", many)]),
            ("_code", "code and prose", code),
        ], code);
        return Task.CompletedTask;
    }

    /// <param name="Tokenizer">Path of tokenizer.json.</param>
    /// <param name="Texts">To encode.</param>
    /// <param name="Golden">Whether the texts are those of CTWA_SHARED.</param>
    /// <param name="Missing">What is not there, and what to do; null: nothing.</param>
    private sealed record TokenizerInputs(string Tokenizer, List<string> Texts, bool Golden, string? Missing)
    {
        public static TokenizerInputs Find(string? tokenizer, string? text)
        {
            string shared = Environment.GetEnvironmentVariable("CTWA_SHARED") is { Length: > 0 } set ? set : Path.Combine(Checkout.Find().Root, "..", "shared");
            string golden = Path.Combine(shared, "golden", "decoder", "tokenizer"), file = tokenizer ?? golden;
            if (Directory.Exists(file)) { file = Path.Combine(file, "tokenizer.json"); }
            string[] sources = text is not null ? [text] : [Path.Combine(shared, "data", "math500"), Path.Combine(golden, "encodings.json")];
            List<string> texts = [.. sources.SelectMany(BenchTexts.Of)];
            string? missing = texts.Count == 0 ? $"no text in {string.Join(" or ", sources)}; name some with --text"
                : !File.Exists(file) ? $"no file {file}; name one with --tokenizer"
                : null;
            return new(file, texts, text is null, missing);
        }
    }
}
