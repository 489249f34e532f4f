using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Ctwa.Training.Specification;

/// <summary>A reward function; <c>kind</c> chooses it. See docs/rewards.md.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(MathBoxedRewardSpec), "math_boxed")]
[JsonDerivedType(typeof(ConcisenessRewardSpec), "conciseness")]
[JsonDerivedType(typeof(ClarityRewardSpec), "clarity")]
[JsonDerivedType(typeof(Gsm8kRewardSpec), "gsm8k")]
[JsonDerivedType(typeof(LengthRewardSpec), "length")]
[JsonDerivedType(typeof(RegexRewardSpec), "regex")]
[JsonDerivedType(typeof(ExpressionRewardSpec), "expression")]
[JsonDerivedType(typeof(ProcessRewardSpec), "process")]
[JsonDerivedType(typeof(HttpRewardSpec), "http")]
[JsonDerivedType(typeof(ModelRewardSpec), "model")]
[JsonDerivedType(typeof(SharedRewardSpec), "shared")]
public abstract record RewardSpec
{
    [Description("corrected (default) or reference (the reference implementation's arithmetic, defects included).")]
    public MethodMode Mode { get; init; } = MethodMode.Corrected;

    /// <summary>The word after <c>kind</c>.</summary>
    public string KindName() => typeof(RewardSpec).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false).Cast<JsonDerivedTypeAttribute>().First(one => one.DerivedType == GetType()).TypeDiscriminator!.ToString()!;
}

/// <summary>1 if the last <c>\boxed{}</c> equals the ground truth, else 0.</summary>
public sealed record MathBoxedRewardSpec : RewardSpec;

/// <summary>1 if the response is shorter, in tokens, than the running mean length of training responses, else 0.</summary>
public sealed record ConcisenessRewardSpec : RewardSpec
{
    [Description("Share of its weight that an earlier step keeps in the running mean at each new step: 1 (default) averages over the whole run, 0.9 over about ten steps.")]
    [Range(0.0, 1.0)]
    public double Decay { get; init; } = 1.0;
}

/// <summary>1 if the response is written in visible steps, else 0.</summary>
public sealed record ClarityRewardSpec : RewardSpec;

/// <summary>A reward whose scores come from outside this code: a program, a service or a model.</summary>
public abstract record ExternalRewardSpec : RewardSpec;
