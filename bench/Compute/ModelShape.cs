using System.Globalization;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;

namespace Ctwa.Bench.Compute;

/// <summary>A model's shape and the sequences that it is measured with: random tokens, lengths spread as a rollout's are.</summary>
/// <param name="Key">In keys of lines.</param>
/// <param name="Rows">Sequences of one update.</param>
/// <param name="Prompt">Tokens of each prompt.</param>
/// <param name="Longest">Tokens of the longest response; the mean is about 0.45 of it, as in the quick-start.</param>
internal sealed record ModelShape(string Key, string Name, int Hidden, int Inner, int Layers, int Heads, int KeyHeads, int Vocabulary, int Rows, int MicroBatch, int Prompt, int Longest)
{
    public static ModelShape QuickStart { get; } = new("quickstart", "quick-start, 95 thousand parameters", 64, 168, 2, 4, 2, 80, 128, 64, 12, 72);

    public static ModelShape Small { get; } = new("15m", "15 million parameters", 384, 1024, 8, 6, 2, 4096, 16, 16, 48, 96);

    public static ModelShape Half { get; } = new("0.5b", "Qwen2.5-0.5B's shape", 896, 4864, 24, 14, 2, 151936, 4, 2, 32, 64);

    /// <summary>Response lengths, shape [rows]: a long-tailed spread, its largest reached.</summary>
    public int[] Lengths => [.. Enumerable.Range(0, Rows).Select(i => i == 0 ? Longest : Math.Clamp((int)(Longest * Math.Pow(Uniform(i, 0), 1.2)), 2, Longest))];

    /// <summary>Prompts and responses, [rows].</summary>
    public (int[] Prompt, int[] Response)[] Sequences => [.. Lengths.Select((length, i) => (Tokens(i, 0, Prompt), Tokens(i, 1, length)))];

    public int ResponseTokens => Lengths.Sum();

    /// <summary>The shape as bench/pytorch takes it.</summary>
    public object ForPyTorch => new
    {
        hidden_size = Hidden, intermediate_size = Inner, num_hidden_layers = Layers, num_attention_heads = Heads, num_key_value_heads = KeyHeads, head_dim = Hidden / Heads, vocab_size = Vocabulary, rope_theta = 1e6, rms_norm_eps = 1e-6,
    };

    /// <summary>Sequences as bench/pytorch takes them, and the lengths of their prompts.</summary>
    public (int[][] Sequences, int[] Prompts) SequencesForPyTorch => ([.. Sequences.Select(one => (int[])[.. one.Prompt, .. one.Response])], [.. Sequences.Select(one => one.Prompt.Length)]);

    /// <summary>A job with this model, whose parts the benchmarks drive.</summary>
    /// <param name="threads">Native threads.</param>
    public JobSpec Job(int threads, int objectives = 1, string more = "")
    {
        string yaml = string.Create(CultureInfo.InvariantCulture, $$"""
            name: bench
            model: { init: { architecture: qwen2, hidden_size: {{Hidden}}, intermediate_size: {{Inner}}, num_hidden_layers: {{Layers}}, num_attention_heads: {{Heads}}, num_key_value_heads: {{KeyHeads}}, vocab_size: {{Vocabulary}}, tie_word_embeddings: true, max_position_embeddings: 2048, tokenizer: arithmetic } }
            data: { train: { task: arithmetic, count: 64, min_terms: 4, max_terms: 4 }, max_prompt_tokens: 16 }
            rollout: { prompts_per_step: {{Math.Max(1, Rows / 4)}}, samples_per_prompt: 4, max_new_tokens: {{Longest}} }
            objectives:
            {{string.Join("\n", Enumerable.Range(0, objectives).Select(m => $"  - {{ name: objective{m}, reward: {{ kind: conciseness }} }}"))}}
            optimizer: { learning_rate: 1.0e-6, weight_decay: 0.01, grad_clip: 1.0 }
            update: { micro_batch_size: {{MicroBatch}} }
            grid: { shards: 1, slices: 1, threads_per_shard: {{threads}} }
            schedule: { steps: 1, validate_every: 0 }
            {{more}}
            """);
        List<string> errors = [];
        return JobSpecReader.ReadText("bench", yaml, []).Spec ?? throw new InvalidOperationException($"the benchmark's job is refused: {string.Join("; ", JobSpecReader.ReadText("bench", yaml, []).Errors)}");
    }

    private int[] Tokens(int row, int part, int count) => [.. Enumerable.Range(0, count).Select(i => CounterRandom.Below(Vocabulary, 8, RandomPurpose.Test, part, i, row, 0))];

    private static double Uniform(int row, int part) => CounterRandom.Uniform(9, RandomPurpose.Test, part, row, 0, 0);
}
