using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Scores from a program that reads and writes lines of JSON.</summary>
public sealed record ProcessRewardSpec : ExternalRewardSpec
{
    [Description("Program and arguments, such as [./grader.py, --strict]. No shell is involved. The program must be on the silo's list of allowed programs.")]
    public required IReadOnlyList<string> Command { get; init; }

    [Description("Folder in which the program runs. Default: the folder in which the job is started.")]
    public string? WorkingDirectory { get; init; }

    [Description("Names of environment variables of the silo that the program gets, besides PATH, HOME, LANG, LC_ALL, TZ and TMPDIR. Each must be on the silo's list of allowed secrets.")]
    public IReadOnlyList<string> Environment { get; init; } = [];

    [Description("Requests sent before their replies are awaited.")]
    [Range(1, 1024)]
    public int BatchSize { get; init; } = 16;

    [Description("Copies of the program that run side by side.")]
    [Range(1, 64)]
    public int Workers { get; init; } = 1;

    [Description("Time until the first reply after a start, such as 30s or 5m; later replies have the objective's timeout each.")]
    public string StartTimeout { get; init; } = "30s";

    [Description("Starts in a row without any reply after which the program is given up; then one start is tried per batch.")]
    [Range(1, 1000)]
    public int MaxRestarts { get; init; } = 5;
}

/// <summary>Scores from a service that answers JSON to a POST.</summary>
public sealed record HttpRewardSpec : ExternalRewardSpec
{
    [Description("Address, http:// or https://. Its host must be on the silo's list of allowed hosts. Redirects are refused.")]
    public required string Url { get; init; }

    [Description("Completions per request, at most.")]
    [Range(1, 4096)]
    public int BatchSize { get; init; } = 32;

    [Description("Requests at a time.")]
    [Range(1, 256)]
    public int Concurrency { get; init; } = 4;

    [Description("Name of the silo's environment variable that holds a bearer token. It must be on the silo's list of allowed secrets.")]
    [RegularExpression("^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    public string? TokenEnv { get; init; }

    [Description("PEM file with the certificates of the authorities to trust, in place of the system's.")]
    public string? CaFile { get; init; }

    [Description("Allow http:// to other machines: prompts, responses and the token travel unencrypted.")]
    public bool Insecure { get; init; }
}

/// <summary>What a reward model's number goes through before scale and offset.</summary>
public enum ScoreActivation { None, Sigmoid }

/// <summary>Scores from a sequence-classification model (Hugging Face folder: decoder and <c>score.weight</c>).</summary>
public sealed record ModelRewardSpec : ExternalRewardSpec
{
    [Description("Hugging Face folder of a Qwen2, Qwen3 or Llama model with a sequence-classification head.")]
    public required string Path { get; init; }

    [Description("Text that the model reads, with {prompt} and {response}. \\n is a line break, \\t a tab, \\\\ a backslash; special tokens are written as they are, such as <|im_end|>.")]
    public string Template { get; init; } = "{prompt}{response}";

    [Description("Write prompt and response with the folder's chat template, as a user's and an assistant's turn, in place of template.")]
    public bool Chat { get; init; }

    [Description("Row of the head that is the score, from 0. Only in objectives; with kind: shared, index or output choose it.")]
    [Range(0, 4095)]
    public int Label { get; init; }

    [Description("none (default) or sigmoid, applied to the model's number.")]
    public ScoreActivation Activation { get; init; } = ScoreActivation.None;

    [Description("Multiplies the number after the activation.")]
    [Range(-1e9, 1e9)]
    public double Scale { get; init; } = 1;

    [Description("Is added last.")]
    [Range(-1e9, 1e9)]
    public double Offset { get; init; }

    [Description("Longest text in tokens; a longer one is a failed score.")]
    [Range(1, 1 << 20)]
    public int MaxTokens { get; init; } = 2048;

    [Description("Tokens of one forward pass, padding included; a single longer text is passed alone.")]
    [Range(1, 1 << 24)]
    public int BatchTokens { get; init; } = 4096;
}

/// <summary>A reward model that serves several objectives.</summary>
public sealed record RewardModelSpec
{
    [Description("Name; objectives refer to it. Letters, digits, '-' and '_'.")]
    [RegularExpression("^[A-Za-z][A-Za-z0-9_-]{0,47}$")]
    public required string Name { get; init; }

    [Description("Where the scores come from: kind process, http or model.")]
    public required RewardSpec Reward { get; init; }

    [Description("Retries of a failed completion.")]
    [Range(0, 100)]
    public int Retries { get; init; } = 2;

    [Description("Time allowed for one scoring call, such as 500ms, 5s or 2m.")]
    public string Timeout { get; init; } = "5s";
}
