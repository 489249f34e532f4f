using Ctwa.Training.Rewards.Classifiers;
using Ctwa.Training.Rewards.Programs;
using Ctwa.Training.Rewards.Services;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>Rewards by their options. A new plain reward is one class, one options record and one line here.</summary>
public static class RewardRegistry
{
    /// <summary>The plain reward that the options describe; null for those that live outside this code.</summary>
    /// <exception cref="NotSupportedException">This build has no reward for these options.</exception>
    public static IReward? CreatePlain(RewardSpec spec) => spec is ExternalRewardSpec ? null : Create(spec);

    /// <summary>The plain reward that the options describe.</summary>
    /// <exception cref="NotSupportedException">This build has no plain reward for these options.</exception>
    public static IReward Create(RewardSpec spec) => spec switch
    {
        MathBoxedRewardSpec => new MathBoxedReward(spec.Mode),
        ConcisenessRewardSpec => new ConcisenessReward(spec.Mode),
        ClarityRewardSpec => new ClarityReward(spec.Mode),
        Gsm8kRewardSpec gsm8k => new Gsm8kReward(gsm8k),
        LengthRewardSpec length => new LengthReward(length),
        RegexRewardSpec regex => new RegexReward(regex),
        ExpressionRewardSpec expression => new ExpressionReward(expression),
        _ => throw new NotSupportedException($"no plain reward is registered for {spec.GetType().Name}."),
    };

    /// <summary>The reward model behind an external source.</summary>
    /// <exception cref="NotSupportedException">This build has none for these options.</exception>
    /// <exception cref="InvalidDataException">A token's environment variable is not set, or a file is not what the job says.</exception>
    internal static IRewardModel Open(RewardSource source, long seed, RewardServices services) => source.Reward switch
    {
        ProcessRewardSpec process => new ProcessRewardModel(source, process, seed, services),
        HttpRewardSpec http => HttpRewardModel.Open(source, http, seed, services),
        ModelRewardSpec model => new ModelRewardModel(source, model, services),
        _ => throw new NotSupportedException($"no reward model is registered for {source.Reward.GetType().Name}."),
    };

    /// <summary>One warning per objective whose reward repeats the reference implementation's defects, for the start of a run.</summary>
    public static IReadOnlyList<string> Warnings(IReadOnlyList<ObjectiveSpec> objectives) =>
    [
        .. objectives.Where(objective => objective.Reward.Mode == MethodMode.Reference)
            .Select(objective => $"objective '{objective.Name}': its reward runs in mode: reference, which repeats known defects of the reference implementation; use it only to compare with that implementation."),
    ];
}
