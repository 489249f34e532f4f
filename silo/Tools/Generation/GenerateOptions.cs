using Ctwa.Silo.Tools.Evaluation;

namespace Ctwa.Silo.Tools.Generation;

/// <summary>What the user asked <c>ctwa generate</c> for. Null sampling options: those of the model's generation_config.json.</summary>
internal sealed record GenerateOptions
{
    public required string Model { get; init; }

    public string? Prompt { get; init; }

    public string? PromptFile { get; init; }

    public string? Data { get; init; }

    public string PromptField { get; init; } = "prompt";

    /// <summary>A text column of the data file, which its reader wants beside prompts that are conversations; null: the prompt's.</summary>
    public string? AnswerField { get; init; }

    public string? Output { get; init; }

    /// <summary>Prompts are what a user says in a conversation.</summary>
    public bool Chat { get; init; }

    /// <summary>First message of every conversation.</summary>
    public string? System { get; init; }

    public int? MaxNewTokens { get; init; }

    public double? Temperature { get; init; }

    public int? TopK { get; init; }

    public double? TopP { get; init; }

    public long Seed { get; init; } = 1;

    public int Samples { get; init; } = 1;

    public int BatchSize { get; init; } = 64;

    public string Device { get; init; } = "cpu";

    public string Type { get; init; } = "float32";

    public int Threads { get; init; } = 1;

    /// <summary>Everything that is wrong, one message each.</summary>
    public IEnumerable<string> Errors()
    {
        if (((string?[])[Prompt, PromptFile, Data]).Count(source => source is not null) > 1) { yield return "--prompt, --prompt-file and --data exclude each other; give one, or none to be asked for prompts."; }
        if (Data is null && Output is not null) { yield return $"--output {Output} belongs to --data FILE; redirect the output of a single prompt."; }
        if (Prompt is "") { yield return "--prompt is empty; give a text."; }
        foreach (var (name, value) in ((string, int?)[])[("--samples", Samples), ("--max-new-tokens", MaxNewTokens), ("--batch-size", BatchSize), ("--threads", Threads)])
        {
            if (value is < 1) { yield return FormattableString.Invariant($"{name} {value}: must be at least 1."); }
        }

        foreach (string error in EvalOptions.SamplingErrors(Temperature, TopK ?? 0, TopP ?? 1, Seed)) { yield return error; }
        if (Samples > 1 && Temperature == 0) { yield return FormattableString.Invariant($"--samples {Samples} at --temperature 0: the likeliest answer is the same each time; use --samples 1 or a temperature above 0."); }
    }
}
