namespace Ctwa.Training.Specification.Tests;

/// <summary>Job texts and specs that tests start from.</summary>
internal static class Jobs
{
    /// <summary>A small valid job.</summary>
    public const string Small = """
        name: small
        model: { init: { hidden_size: 64, intermediate_size: 168, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, tokenizer: arithmetic } }
        data:
          train: { task: arithmetic }
          validation: { task: arithmetic, count: 128 }
          max_prompt_tokens: 32
        objectives:
          - { name: accuracy, reward: { kind: math_boxed }, weight: 0.5 }
          - name: clarity
            reward: { kind: clarity }
            timeout: 500ms

        """;

    public static JobSpec SmallSpec => Read(Small);

    public static JobSpec Read(string text, params string[] overrides)
    {
        var result = JobSpecReader.ReadText("job.yaml", text, overrides);
        return result.Spec ?? throw new InvalidOperationException(string.Join('\n', result.Errors));
    }

    public static IReadOnlyList<JobError> Errors(string text, params string[] overrides) => JobSpecReader.ReadText("job.yaml", text, overrides).Errors;
}
