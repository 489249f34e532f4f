namespace Ctwa.TestKit.Processes;

/// <summary>A job of a second or two on which every method can be tried: 30 steps, all of a run's parts, one job per method.</summary>
public static class MethodJobs
{
    /// <summary>Steps of reinforcement learning.</summary>
    public const int Steps = 30;

    /// <summary>The job of a method. The model learns two answers by imitation, so that scores differ within prompts. The weights sum to exactly 1, as reference modes demand.</summary>
    public static ExactnessJob Create(MethodCase method) => new(
        method.ToString(),
        $$"""
        name: matrix
        seed: 3
        model:
          init: { hidden_size: 16, intermediate_size: 24, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, tokenizer: arithmetic, max_position_embeddings: 32 }
        data:
          train: { path: DATA/prompts.jsonl }
          validation: { path: DATA/held-out.jsonl }
          max_prompt_tokens: 16
        warm_start:
          data: { path: DATA/solutions.jsonl }
          steps: 40
          batch_size: 12
          micro_batch_size: 6
          optimizer: { learning_rate: 0.02 }
        rollout: { prompts_per_step: 4, samples_per_prompt: 6, max_new_tokens: 8 }
        objectives:
          - { name: accuracy, weight: 0.5, reward: { kind: math_boxed } }
          - { name: conciseness, weight: 0.25, reward: { kind: conciseness } }
          - { name: clarity, weight: 0.25, reward: { kind: clarity } }
        loss: { clip_low: 100, clip_high: 100 }
        {{method.Scalarizer.TrimEnd()}}
        optimizer: { learning_rate: 0.003 }
        update: { prompts_per_update: 2, micro_batch_size: 6 }
        diagnostics: { gram_every: 7 }
        grid: { shards: 2, slices: 2 }
        schedule: { steps: {{Steps}}, validate_every: 10, validation_prompts: 4, validation_samples: 4, checkpoint_every: 8, keep: 2, samples_every: 0 }

        """);
}
