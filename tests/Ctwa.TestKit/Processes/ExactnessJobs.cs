using System.Globalization;
using System.Text;

namespace Ctwa.TestKit.Processes;

/// <summary>A job whose last weights must have one hash, however it is run.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Yaml">The job file; its data files are named relative to the working directory.</param>
public sealed record ExactnessJob(string Name, string Yaml)
{
    /// <summary>Writes the job and its data into a folder.</summary>
    /// <param name="folder">Must exist.</param>
    /// <param name="change">Applied to the job's text.</param>
    /// <returns>Path of the job file; the data are named by absolute paths in it.</returns>
    public string WriteTo(string folder, Func<string, string>? change = null)
    {
        // What a model of this size learns in a second: an answer that is always right, or a clear one that is wrong.
        // Scores then differ within every prompt's samples, and a method's weights move.
        StringBuilder prompts = new(), held = new(), solutions = new();
        for (int i = 0; i < 48; i++)
        {
            string prompt = string.Create(CultureInfo.InvariantCulture, $"{i / 7}+{i % 7}=?\\n");
            (i < 40 ? prompts : held).Append(CultureInfo.InvariantCulture, $$"""{"prompt": "{{prompt}}", "answer": "3"}""").Append('\n');
            solutions.Append(CultureInfo.InvariantCulture, $$"""{"prompt": "{{prompt}}", "answer": "{{(i % 3 == 0 ? @"1. 5\n2. \\boxed{4}" : @"\\boxed{3}")}}"}""").Append('\n');
        }

        File.WriteAllText(Path.Combine(folder, "prompts.jsonl"), prompts.ToString());
        File.WriteAllText(Path.Combine(folder, "held-out.jsonl"), held.ToString());
        File.WriteAllText(Path.Combine(folder, "solutions.jsonl"), solutions.ToString());
        string job = Path.Combine(folder, "job.yaml"), text = Yaml.Replace("DATA/", folder + "/", StringComparison.Ordinal);
        File.WriteAllText(job, change?.Invoke(text) ?? text);
        return job;
    }

    public override string ToString() => Name;
}

/// <summary>
/// Jobs of a second or two that use what a resume could lose: a warm start with checkpoints in it, a reference policy,
/// several updates per step, schedules with a phase, running statistics, weights that move.
/// </summary>
public static class ExactnessJobs
{
    /// <summary>Both sizes with every method.</summary>
    public static IReadOnlyList<ExactnessJob> All { get; } =
    [
        .. from odd in (bool[])[false, true]
           from method in (string[])["linear", "ctwa", "ctwa reference"]
           select Create(method, odd),
    ];

    /// <summary>The job of the interruption tests.</summary>
    public static ExactnessJob Interrupted { get; } = Create("ctwa", odd: true);

    /// <param name="method"><c>linear</c>, <c>ctwa</c>, <c>ctwa reference</c>, <c>mgda</c>, <c>mgda second pass</c> or <c>gradnorm</c>.</param>
    /// <param name="odd">Sizes that divide nothing: hidden 72, vocabulary 131, 3 slices, 5 shards.</param>
    public static ExactnessJob Create(string method, bool odd)
    {
        string size = odd ? "hidden_size: 72, intermediate_size: 100, vocab_size: 131" : "hidden_size: 32, intermediate_size: 64";
        string grid = odd ? "shards: 5, slices: 3" : "shards: 4, slices: 2";
        string scalarizer = method switch
        {
            "linear" => "method: linear",
            "ctwa" => "method: ctwa, targets: 0.9, learning_rate: 1.0",
            "ctwa reference" => "method: ctwa, mode: reference, targets: 0.2, learning_rate: 1.0",
            "mgda" => "method: mgda",
            "mgda second pass" => "method: mgda, plan: second_pass",
            "gradnorm" => "method: gradnorm",
            _ => throw new ArgumentOutOfRangeException(nameof(method), method, "accepted are linear, ctwa, ctwa reference, mgda, mgda second pass, gradnorm."),
        };
        return new ExactnessJob(
            $"{method}{(odd ? ", odd sizes" : "")}",
            $$"""
            name: exact
            seed: 11
            model:
              init: { {{size}}, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, tokenizer: arithmetic, max_position_embeddings: 64 }
            data:
              train: { path: DATA/prompts.jsonl }
              validation: { path: DATA/held-out.jsonl }
              max_prompt_tokens: 16
            warm_start:
              data: { path: DATA/solutions.jsonl }
              steps: 30
              batch_size: 10
              micro_batch_size: 2
              checkpoint_every: 12
              optimizer: { learning_rate: 0.02, schedule: cosine, warmup_steps: 5 }
            rollout: { prompts_per_step: 8, samples_per_prompt: 4, max_new_tokens: 10 }
            objectives:
              - { name: accuracy, reward: { kind: math_boxed } }
              - { name: conciseness, reward: { kind: conciseness } }
              - { name: clarity, reward: { kind: clarity } }
            advantage: { gamma: 0.99 }
            loss: { kl: { coefficient: 0.01 }, entropy_coefficient: 0.001 }
            scalarizer: { {{scalarizer}} }
            optimizer: { learning_rate: 0.002, schedule: cosine, warmup_steps: 2 }
            update: { prompts_per_update: 4, micro_batch_size: 6 }
            grid: { {{grid}} }
            schedule: { steps: 6, validate_every: 3, validation_prompts: 8, checkpoint_every: 2, keep: 2, samples_every: 2 }

            """);
    }
}
