using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Ctwa.Training.Tokenization;

namespace Ctwa.Bench;

/// <summary>
/// Speed of a tokenizer on one core: megabytes (10^6 bytes of UTF-8) per second, by wall clock and by processor time of the process, which does not
/// count what other programs take. The encoder remembers words, so text that it has not seen is measured too: this checkout's own code and documents.
/// </summary>
internal static class TokenizerBenchmark
{
    private const int Rounds = 5, TargetBytes = 8_000_000;

    private const string Help = """
        usage: tokenizer [options]
          --tokenizer PATH  tokenizer.json or its folder (default: the golden Qwen3 tokenizer in CTWA_SHARED)
          --text PATH       texts: a file or a folder of .jsonl, .json, .txt or .md files (default: MATH-500 and the golden texts in CTWA_SHARED)
        """;

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, or 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var checkout = Checkout.Find();
        string shared = Environment.GetEnvironmentVariable("CTWA_SHARED") is { Length: > 0 } set ? set : Path.Combine(checkout.Root, "..", "shared");
        string golden = Path.Combine(shared, "golden", "decoder", "tokenizer"), tokenizerPath = golden;
        List<string> sources = [Path.Combine(shared, "data", "math500"), Path.Combine(golden, "encodings.json")];
        for (int i = 0; i < args.Length; i += 2)
        {
            switch (args[i])
            {
                case "--tokenizer" when i + 1 < args.Length: tokenizerPath = args[i + 1]; break;
                case "--text" when i + 1 < args.Length: sources = [args[i + 1]]; break;
                default:
                    await Console.Error.WriteLineAsync(Help);
                    return 2;
            }
        }

        List<string> texts = [.. sources.SelectMany(Texts)];
        if (texts.Count == 0)
        {
            await Console.Error.WriteLineAsync($"no text in {string.Join(" or ", sources)}; name some with --text.\n{Help}");
            return 2;
        }

        var machine = await MachineDescription.ReadAsync(checkout);
        Console.WriteLine(machine.Machine);
        Console.WriteLine($"load {machine.Load}, {machine.Date}, {machine.Commit}");
        long started = Stopwatch.GetTimestamp();
        var tokenizer = HuggingFaceTokenizer.Load(tokenizerPath);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"load of {Path.GetFullPath(tokenizerPath)}: {Stopwatch.GetElapsedTime(started).TotalSeconds:0.00} s"));
        Measure("separate texts, first time", tokenizer, texts, rounds: 1);
        int copies = Math.Max(1, TargetBytes / Math.Max(1, texts.Sum(Encoding.UTF8.GetByteCount)));
        List<string> many = [.. Enumerable.Repeat(texts, copies).SelectMany(all => all)];
        Measure("separate texts", tokenizer, many, Rounds);
        Measure("one long text", tokenizer, [string.Join("\n\n", many)], Rounds);
        List<string> unseen = [.. Directory.EnumerateFiles(checkout.Root, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".cs" or ".md" && !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        Measure("code and prose, first time", tokenizer, unseen, rounds: 1);
        Measure("code and prose", tokenizer, unseen, Rounds);
        return 0;
    }

    private static void Measure(string name, HuggingFaceTokenizer tokenizer, List<string> texts, int rounds)
    {
        double megabytes = texts.Sum(text => (double)Encoding.UTF8.GetByteCount(text)) / 1e6;
        var ids = new int[texts.Count][];
        var encode = Best(rounds, () =>
        {
            for (int i = 0; i < texts.Count; i++) { ids[i] = tokenizer.Encode(texts[i]); }
        });
        var decode = Best(rounds, () =>
        {
            foreach (int[] tokens in ids) { tokenizer.Decode(tokens); }
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-28}{megabytes,6:0.0} MB {ids.Sum(tokens => (long)tokens.Length),10} tokens   encode {megabytes / encode.Wall,6:0.0} MB/s ({megabytes / encode.Processor:0.0} by processor time)   decode {megabytes / decode.Wall,6:0.0} MB/s ({megabytes / decode.Processor:0.0})"));
    }

    private static (double Wall, double Processor) Best(int rounds, Action action)
    {
        using var process = Process.GetCurrentProcess();
        var best = (Wall: double.MaxValue, Processor: double.MaxValue);
        for (int round = 0; round < rounds; round++)
        {
            process.Refresh();
            var before = process.TotalProcessorTime;
            long started = Stopwatch.GetTimestamp();
            action();
            double wall = Stopwatch.GetElapsedTime(started).TotalSeconds;
            process.Refresh();
            best = (Math.Min(best.Wall, wall), Math.Min(best.Processor, Math.Max(1e-3, (process.TotalProcessorTime - before).TotalSeconds)));
        }

        return best;
    }

    /// <summary>Every string value of JSON files, every other file whole.</summary>
    private static IEnumerable<string> Texts(string path)
    {
        string[] files = Directory.Exists(path) ? [.. Directory.GetFiles(path).Order(StringComparer.Ordinal)] : File.Exists(path) ? [path] : [];
        foreach (string file in files)
        {
            switch (Path.GetExtension(file))
            {
                case ".jsonl":
                    foreach (string line in File.ReadLines(file).Where(line => line.Length > 0)) { foreach (string text in Strings(line)) { yield return text; } }
                    break;
                case ".json":
                    foreach (string text in Strings(File.ReadAllText(file))) { yield return text; }
                    break;
                case ".txt" or ".md": yield return File.ReadAllText(file); break;
                default: break;
            }
        }
    }

    private static List<string> Strings(string json)
    {
        var found = new List<string>();
        using var document = JsonDocument.Parse(json);
        Visit(document.RootElement);
        return found;

        void Visit(JsonElement element)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.String: found.Add(element.GetString()!); break;
                case JsonValueKind.Array: foreach (var item in element.EnumerateArray()) { Visit(item); } break;
                // What a case says besides its text repeats it.
                case JsonValueKind.Object: foreach (var item in element.EnumerateObject().Where(item => item.Name is not ("decoded" or "decoded_skip_special" or "category"))) { Visit(item.Value); } break;
                default: break;
            }
        }
    }
}
