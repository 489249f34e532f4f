using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ctwa.Training.Tokenization;

namespace Ctwa.Bench;

/// <summary>
/// Trains random models of published shapes with the full vocabulary through `ctwa train`, two or fewer steps each, and compares
/// the measured peak of memory with what `--dry-run` says. Prompts are cut from the data at the job's limit.
/// </summary>
internal static class SizeBenchmark
{
    private const int PromptTokens = 256;

    private const string Help = """
        usage: size [options]
          --data FILE       prompts: JSONL with prompt and answer (default: MATH-500 in CTWA_SHARED)
          --tokenizer DIR   tokenizer of the models (default: the golden Qwen3 tokenizer in CTWA_SHARED)
          --only WORDS      only jobs whose name contains this
          --output DIR      keep models and runs there (default: a temporary folder, deleted)
        """;

    /// <summary>Name, preset of the model, and the job's own sections.</summary>
    private static readonly (string Name, string Preset, string Model, string Rollout, string More)[] jobs =
    [
        ("0.5B, float32", "qwen2.5-0.5b", "", "prompts_per_step: 2, samples_per_prompt: 2, max_new_tokens: 24", "update: { micro_batch_size: 2 }"),
        ("0.5B, bfloat16, KL, packed, recomputed", "qwen2.5-0.5b", ", dtype: bfloat16", "prompts_per_step: 2, samples_per_prompt: 4, max_new_tokens: 32",
            "update: { max_tokens_per_micro_batch: 600, recompute_activations: true }\nloss: { kl: { coefficient: 0.01 } }"),
        ("0.5B, float32, adapters, all activations kept", "qwen2.5-0.5b", ", lora: { rank: 16 }", "prompts_per_step: 2, samples_per_prompt: 4, max_new_tokens: 64", "update: { micro_batch_size: 8 }"),
        ("0.5B, bfloat16, one gradient per objective", "qwen2.5-0.5b", ", dtype: bfloat16", "prompts_per_step: 2, samples_per_prompt: 2, max_new_tokens: 24",
            "update: { micro_batch_size: 2, recompute_activations: true }\nscalarizer: { method: mgda }"),
        ("1.5B, bfloat16, adapters, recomputed", "qwen2.5-1.5b", ", dtype: bfloat16, lora: { rank: 8 }", "prompts_per_step: 2, samples_per_prompt: 2, max_new_tokens: 24", "update: { micro_batch_size: 2, recompute_activations: true }"),
    ];

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, 1 if a run fails or a peak is beyond 1.15 times the estimate, 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var checkout = Checkout.Find();
        string shared = Environment.GetEnvironmentVariable("CTWA_SHARED") is { Length: > 0 } set ? set : Path.Combine(checkout.Root, "..", "shared");
        string data = Path.Combine(shared, "data", "math500", "math500_train.jsonl"), tokenizer = Path.Combine(shared, "golden", "decoder", "tokenizer"), only = "";
        string? output = null;
        for (int i = 0; i < args.Length; i += 2)
        {
            switch (args[i])
            {
                case "--data" when i + 1 < args.Length: data = Path.GetFullPath(args[i + 1]); break;
                case "--tokenizer" when i + 1 < args.Length: tokenizer = Path.GetFullPath(args[i + 1]); break;
                case "--only" when i + 1 < args.Length: only = args[i + 1]; break;
                case "--output" when i + 1 < args.Length: output = args[i + 1]; break;
                default:
                    await Console.Error.WriteLineAsync(Help);
                    return 2;
            }
        }

        if (!File.Exists(data) || !Directory.Exists(tokenizer))
        {
            await Console.Error.WriteLineAsync($"there is no {(File.Exists(data) ? tokenizer : data)}; name it with {(File.Exists(data) ? "--tokenizer" : "--data")}.\n{Help}");
            return 2;
        }

        string folder = output is null ? Directory.CreateTempSubdirectory("ctwa-size-").FullName : Directory.CreateDirectory(output).FullName;
        string prompts = Path.Combine(folder, "prompts.jsonl");
        await FillAsync(data, HuggingFaceTokenizer.Load(tokenizer), prompts);
        var machine = await MachineDescription.ReadAsync(checkout);
        Console.WriteLine($"{machine.Machine}\nload {machine.Load}, {machine.Date}, {machine.Commit}\n");
        Console.WriteLine("| job | steps | estimated GB | peak GB | peak / estimate | seconds |\n|---|---|---|---|---|---|");
        bool within = true;
        foreach (var (name, preset, model, rollout, rest) in jobs.Where(job => job.Name.Contains(only, StringComparison.Ordinal)))
        {
            string weights = Path.Combine(folder, preset);
            if (!Directory.Exists(weights)) { await RunAsync(checkout, folder, "model", "init", "--preset", preset, "--tokenizer", tokenizer, "--out", weights); }
            int steps = preset.Contains("1.5", StringComparison.Ordinal) ? 1 : 2;
            string job = Path.Combine(folder, "job.yaml"), run = Path.Combine(folder, "run");
            await File.WriteAllTextAsync(job, $$"""
                name: size
                model: { path: {{JsonSerializer.Serialize(weights)}}{{model}} }
                data: { train: { path: {{JsonSerializer.Serialize(prompts)}} }, max_prompt_tokens: {{PromptTokens}}, overlong: drop }
                rollout: { {{rollout}} }
                objectives:
                  - { name: accuracy, reward: { kind: math_boxed } }
                  - { name: brevity, reward: { kind: expression, formula: "max(0, 1 - characters / 400)" } }
                optimizer: { learning_rate: 1.0e-6 }
                grid: { shards: 1, slices: 2, threads_per_shard: 2 }
                schedule: { steps: {{steps}}, validate_every: 0, checkpoint_every: 100 }
                {{rest}}

                """);
            if (Directory.Exists(run)) { Directory.Delete(run, recursive: true); }
            var clock = Stopwatch.StartNew();
            await RunAsync(checkout, folder, "train", job, "--output", run, "--lanes", "1", "--device", "cpu");
            using var summary = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(run, "summary.json")));
            double peak = summary.RootElement.GetProperty("peak_memory_bytes").GetDouble() / 1e9, estimate = summary.RootElement.GetProperty("estimated_memory_bytes").GetDouble() / 1e9;
            within &= peak <= 1.15 * estimate;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {steps} | {estimate:0.00} | {peak:0.00} | {peak / estimate:0.00} | {clock.Elapsed.TotalSeconds:0} |"));
        }

        if (output is null) { Directory.Delete(folder, recursive: true); }
        Console.WriteLine(within ? "\nevery peak is within 1.15 of its estimate" : "\nA PEAK IS BEYOND 1.15 OF ITS ESTIMATE");
        return within ? 0 : 1;
    }

    /// <summary>Prompts as long as the job allows: the estimate is of the longest that may come.</summary>
    private static async Task FillAsync(string data, HuggingFaceTokenizer tokenizer, string path)
    {
        var lines = File.ReadLines(data).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("prompt").GetString()!);
        int[] tokens = tokenizer.Encode(string.Join(' ', lines));
        // A little below the limit: the cut text may be encoded into a token more.
        const int length = PromptTokens - 4;
        await File.WriteAllLinesAsync(path, Enumerable.Range(0, tokens.Length / length).Select(i =>
            JsonSerializer.Serialize(new { prompt = tokenizer.Decode(tokens.AsSpan(i * length, length), skipSpecial: true).Trim(), answer = "1" })));
    }

    /// <exception cref="InvalidOperationException">The command failed; the message has its last words.</exception>
    private static async Task RunAsync(Checkout checkout, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(checkout.DotnetHost, [checkout.Client, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        using var process = Process.Start(start)!;
        var said = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) { throw new InvalidOperationException($"ctwa {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{error}{await said}"); }
    }
}
