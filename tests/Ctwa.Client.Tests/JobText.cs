namespace Ctwa.Client.Tests;

/// <summary>A small job that is complete and needs no file.</summary>
internal static class JobText
{
    public const string Valid =
        """
        name: tiny
        model:
          init: { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, tokenizer: arithmetic }
        data:
          train: { task: arithmetic, count: 64 }
          validation: { task: arithmetic, count: 16 }
          max_prompt_tokens: 64
        rollout: { prompts_per_step: 4, samples_per_prompt: 2, max_new_tokens: 16 }
        objectives:
          - { name: accuracy, reward: { kind: math_boxed } }
          - { name: conciseness, reward: { kind: conciseness } }
        schedule: { steps: 3, validation_prompts: 16 }
        """;
}
