using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>Reward functions by their options. A new reward is one class, one options record and one line here.</summary>
public static class RewardRegistry
{
    /// <summary>The reward that the options describe.</summary>
    /// <exception cref="NotSupportedException">This build has no reward for these options.</exception>
    public static IReward Create(RewardSpec spec) => spec switch
    {
        MathBoxedRewardSpec => new MathBoxedReward(spec.Mode),
        ConcisenessRewardSpec => new ConcisenessReward(spec.Mode),
        ClarityRewardSpec => new ClarityReward(spec.Mode),
        _ => throw new NotSupportedException($"no reward is registered for {spec.GetType().Name}; this build has math_boxed, conciseness and clarity."),
    };

    /// <summary>One warning per objective whose reward repeats the reference implementation's defects, for the start of a run.</summary>
    public static IReadOnlyList<string> Warnings(IReadOnlyList<ObjectiveSpec> objectives) =>
    [
        .. objectives.Where(objective => objective.Reward.Mode == MethodMode.Reference)
            .Select(objective => $"objective '{objective.Name}': its reward runs in mode: reference, which repeats known defects of the reference implementation; use it only to compare with that implementation."),
    ];
}
