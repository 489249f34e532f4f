using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Where <c>gsm8k</c> looks for the answer.</summary>
public enum AnswerMethod { Strict, Flexible }

/// <summary>Grade-school mathematics: the number after <c>####</c>, or the last number.</summary>
public sealed record Gsm8kRewardSpec : RewardSpec
{
    [Description("strict (default): the number after the last '####'; flexible: the last number of the response.")]
    public AnswerMethod Method { get; init; } = AnswerMethod.Strict;

    [Description("Score of the right answer.")]
    [Range(-1e9, 1e9)]
    public double Score { get; init; } = 1;

    [Description("Score of a wrong answer that was found where it is expected. Without an answer the score is 0.")]
    [Range(-1e9, 1e9)]
    public double FormatScore { get; init; }
}

/// <summary>How a penalty grows from 0 to -1.</summary>
public enum PenaltyShape { Linear, Cosine }

/// <summary>0 at accepted lengths, falling to -1 beyond them.</summary>
public sealed record LengthRewardSpec : RewardSpec
{
    [Description("The penalty is complete (-1) at this many response tokens and begins `window` tokens below: DAPO's soft overlong punishment.")]
    [Range(1, 1 << 20)]
    public int? MaxTokens { get; init; }

    [Description("The penalty is complete (-1) at this few response tokens and begins `window` tokens above.")]
    [Range(0, 1 << 20)]
    public int? MinTokens { get; init; }

    [Description("The length without penalty; it is complete `window` tokens away on either side. Excludes min_tokens and max_tokens.")]
    [Range(1, 1 << 20)]
    public int? Target { get; init; }

    [Description("Tokens over which the penalty grows from 0 to -1.")]
    [Range(1, 1 << 20)]
    public int Window { get; init; } = 128;

    [Description("How it grows: linear (default) or cosine, which begins and ends gently.")]
    public PenaltyShape Shape { get; init; } = PenaltyShape.Linear;
}

/// <summary>What <c>regex</c> asks of a response.</summary>
public enum PatternMatch { Search, Full, Count }

/// <summary>Whether, or how often, a pattern matches the response.</summary>
public sealed record RegexRewardSpec : RewardSpec
{
    [Description("Regular expression of .NET without look-around, backreferences and atomic groups, so that its time is linear in the response's length.")]
    public required string Pattern { get; init; }

    [Description("search (default): 1 if it matches somewhere; full: 1 if it matches the whole response; count: number of matches / max_count, at most 1.")]
    public PatternMatch Match { get; init; } = PatternMatch.Search;

    [Description("Upper and lower case letters are the same.")]
    public bool IgnoreCase { get; init; }

    [Description("match: count: this many matches, or more, score 1.")]
    [Range(1, 1 << 20)]
    public int MaxCount { get; init; } = 1;

    /// <summary>The pattern as it is matched; \z, not $, which also matches before a closing line break.</summary>
    public string Expression() => Match == PatternMatch.Full ? $@"\A(?:{Pattern})\z" : Pattern;
}

/// <summary>A formula over features of the completion.</summary>
public sealed record ExpressionRewardSpec : RewardSpec
{
    [Description("The formula, such as clip(1 - tokens / 512, 0, 1) or if contains(\"Step 1\") then 1 else 0. Features and functions: docs/rewards.md.")]
    public required string Formula { get; init; }
}

/// <summary>One output of one of the job's <c>reward_models</c>.</summary>
public sealed record SharedRewardSpec : RewardSpec
{
    [Description("Name of the entry of reward_models.")]
    public required string Source { get; init; }

    [Description("Name of the output, where they have names. Excludes index. With neither, the source must have one output.")]
    public string? Output { get; init; }

    [Description("Number of the output, from 0, where they are a list.")]
    [Range(0, 4095)]
    public int? Index { get; init; }
}
