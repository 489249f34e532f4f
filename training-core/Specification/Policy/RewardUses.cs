namespace Ctwa.Training.Specification;

/// <summary>What of the world a reward reaches for.</summary>
public enum RewardUseKind { Program, Host, Secret }

/// <summary>One program, host or secret that a job uses.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">The program as the job writes it, the URL, or the name of an environment variable.</param>
/// <param name="Key">The key of the job that asks for it, such as <c>objectives[0].reward.command</c>.</param>
/// <param name="Owner">The objective or reward model.</param>
public sealed record RewardUse(RewardUseKind Kind, string Value, string Key, string Owner);

/// <summary>Everything outside its files that a job's rewards use: what <c>--dry-run</c> shows and a silo's policy decides about.</summary>
public static class RewardUses
{
    /// <summary>In the order of the job.</summary>
    public static IReadOnlyList<RewardUse> Of(JobSpec job)
    {
        var uses = new List<RewardUse>();
        foreach (var (key, owner, reward) in Places(job))
        {
            switch (reward)
            {
                case ProcessRewardSpec process:
                    if (process.Command.Count > 0) { uses.Add(new(RewardUseKind.Program, process.Command[0], key + ".command", owner)); }
                    uses.AddRange(process.Environment.Select((name, i) => new RewardUse(RewardUseKind.Secret, name, FormattableString.Invariant($"{key}.environment[{i}]"), owner)));
                    break;
                case HttpRewardSpec http:
                    uses.Add(new(RewardUseKind.Host, http.Url, key + ".url", owner));
                    if (http.TokenEnv is { } token) { uses.Add(new(RewardUseKind.Secret, token, key + ".token_env", owner)); }
                    break;
            }
        }

        return uses;
    }

    /// <summary>Every reward of a job with its place.</summary>
    internal static IEnumerable<(string Key, string Owner, RewardSpec Reward)> Places(JobSpec job) =>
        job.Objectives.Select((objective, i) => (FormattableString.Invariant($"objectives[{i}].reward"), $"objective {objective.Name}", objective.Reward))
            .Concat(job.RewardModels.Select((model, i) => (FormattableString.Invariant($"reward_models[{i}].reward"), $"reward model {model.Name}", model.Reward)));
}
