using System.Collections.Immutable;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>Something that is asked once per completion: the reward of one objective, or a reward model that several share.</summary>
/// <param name="Name">The objective's or the reward model's.</param>
/// <param name="Reward">Its options.</param>
/// <param name="Retries">Retries of a failed completion.</param>
/// <param name="Timeout">Time of one call.</param>
/// <param name="Objectives">Indices of the objectives that it serves, ascending.</param>
public sealed record RewardSource(string Name, RewardSpec Reward, int Retries, TimeSpan Timeout, ImmutableArray<int> Objectives)
{
    /// <summary>An entry of <c>reward_models</c>, whose outputs objectives choose from.</summary>
    public bool IsShared { get; init; }

    /// <summary>The sources of a job, in the order of the objectives that use them first.</summary>
    public static ImmutableArray<RewardSource> Of(JobSpec job)
    {
        var sources = ImmutableArray.CreateBuilder<RewardSource>();
        for (int j = 0; j < job.Objectives.Count; j++)
        {
            var objective = job.Objectives[j];
            if (objective.Reward is not SharedRewardSpec shared) { sources.Add(new(objective.Name, objective.Reward, objective.Retries, ScoringTimeout.Of(objective), [j])); continue; }
            var model = job.RewardModels.First(one => one.Name == shared.Source);
            int known = sources.ToList().FindIndex(source => ReferenceEquals(source.Reward, model.Reward));
            if (known >= 0) { sources[known] = sources[known] with { Objectives = sources[known].Objectives.Add(j) }; }
            else { sources.Add(new(model.Name, model.Reward, model.Retries, ScoringTimeout.Parse($"timeout of reward model {model.Name}", model.Timeout), [j]) { IsShared = true }); }
        }

        return sources.ToImmutable();
    }
}
