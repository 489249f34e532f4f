namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>What the user asked <c>ctwa eval</c> for. Null: the job's value, or the default of <see cref="EvalInputs"/>.</summary>
internal sealed record EvalOptions
{
    /// <summary>Model folder, checkpoint or run.</summary>
    public required string Model { get; init; }

    /// <summary>What it is compared with.</summary>
    public string? Baseline { get; init; }

    /// <summary>Job file whose objectives, limits and held-out data count; default: the run's.</summary>
    public string? Job { get; init; }

    /// <summary>Objectives as <c>KIND</c> or <c>NAME=KIND</c>.</summary>
    public IReadOnlyList<string> Rewards { get; init; } = [];

    /// <summary>Data file.</summary>
    public string? Data { get; init; }

    /// <summary>Built-in task.</summary>
    public string? Task { get; init; }

    public int? MinTerms { get; init; }

    public int? MaxTerms { get; init; }

    public string? PromptField { get; init; }

    public string? AnswerField { get; init; }

    /// <summary>Plain prompts become a user's message in the model's chat template.</summary>
    public bool Chat { get; init; }

    /// <summary>Only the first so many prompts.</summary>
    public int? Prompts { get; init; }

    public int? Samples { get; init; }

    public int? MaxNewTokens { get; init; }

    public double? Temperature { get; init; }

    public int TopK { get; init; }

    public double TopP { get; init; } = 1;

    public long? Seed { get; init; }

    public int BatchSize { get; init; } = 64;

    public int Bootstrap { get; init; } = 1000;

    public double? ReferenceLength { get; init; }

    public string Device { get; init; } = "cpu";

    public string Type { get; init; } = "float32";

    public int Threads { get; init; } = 1;

    /// <summary>Results as JSON.</summary>
    public string? Output { get; init; }

    /// <summary>Every answer, one JSON object a line.</summary>
    public string? SamplesOut { get; init; }

    /// <summary>Everything that is wrong with the numbers, one message each.</summary>
    public IEnumerable<string> Errors()
    {
        if (Data is not null && Task is not null) { yield return $"--data {Data} and --task {Task} exclude each other; give one."; }
        if (Task is not null and not "arithmetic") { yield return $"--task {Task}: this build knows arithmetic."; }
        if (Task is null && (MinTerms ?? MaxTerms) is not null) { yield return "--min-terms and --max-terms belong to --task arithmetic."; }
        if (Data is null && (PromptField ?? AnswerField) is not null) { yield return "--prompt-field and --answer-field belong to --data FILE."; }
        foreach (var (name, value) in ((string, int?)[])[("--prompts", Prompts), ("--samples", Samples), ("--max-new-tokens", MaxNewTokens), ("--batch-size", BatchSize), ("--bootstrap", Bootstrap), ("--threads", Threads)])
        {
            if (value is < 1) { yield return FormattableString.Invariant($"{name} {value}: must be at least 1."); }
        }

        foreach (string error in SamplingErrors(Temperature, TopK, TopP, Seed)) { yield return error; }
        if (Samples > 1 && Temperature == 0) { yield return FormattableString.Invariant($"--samples {Samples} at --temperature 0: the likeliest answer is the same each time; use --samples 1 or a temperature above 0."); }
        if (ReferenceLength is { } length && !(length > 0 && double.IsFinite(length))) { yield return FormattableString.Invariant($"--reference-length {length}: must be a number of tokens greater than 0."); }
    }

    /// <summary>Shared with <c>ctwa generate</c>.</summary>
    public static IEnumerable<string> SamplingErrors(double? temperature, int topK, double topP, long? seed)
    {
        if (temperature is { } value && !(value is >= 0 and <= 100)) { yield return FormattableString.Invariant($"--temperature {value}: must lie in 0 (the likeliest token) to 100."); }
        if (topK < 0) { yield return FormattableString.Invariant($"--top-k {topK}: must be at least 1, or 0 for all tokens."); }
        if (!(topP is > 0 and <= 1)) { yield return FormattableString.Invariant($"--top-p {topP}: must be greater than 0 and at most 1 (all tokens)."); }
        if (seed < 0) { yield return FormattableString.Invariant($"--seed {seed}: must be at least 0."); }
    }
}
