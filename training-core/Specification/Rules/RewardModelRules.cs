namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>reward_models</c> and the objectives that share them.</summary>
internal static class RewardModelRules
{
    public static IEnumerable<JobFinding> UniqueNames(JobSpec job)
    {
        var first = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < job.RewardModels.Count; i++)
        {
            string name = job.RewardModels[i].Name;
            if (!first.TryAdd(name, i)) { yield return new($"reward_models[{i}].name", $"is '{name}', already the name of reward_models[{first[name]}] (case does not count); give each its own."); }
        }
    }

    public static IEnumerable<JobFinding> Sources(JobSpec job)
    {
        for (int i = 0; i < job.RewardModels.Count; i++)
        {
            var model = job.RewardModels[i];
            string key = FormattableString.Invariant($"reward_models[{i}]");
            if (model.Reward is not ExternalRewardSpec) { yield return new(key + ".reward.kind", $"is {model.Reward.KindName()}; shared reward models are process, http or model. Give this reward to its objectives directly."); }
            if (model.Reward is ModelRewardSpec { Label: not 0 } head) { yield return new(key + ".reward.label", $"is {head.Label}, but has no effect here: the objectives choose with index or output. Remove it."); }
            if (!ScoringTimeout.TryParse(model.Timeout, out _)) { yield return new(key + ".timeout", $"is '{model.Timeout}'; accepted are durations such as 500ms, 5s or 2m, greater than 0 and at most 5m."); }
            if (job.Objectives.All(objective => (objective.Reward as SharedRewardSpec)?.Source != model.Name)) { yield return new(key, $"is used by no objective; refer to it with reward: {{kind: shared, source: {model.Name}}}, or remove it."); }
        }
    }

    public static IEnumerable<JobFinding> References(JobSpec job)
    {
        string[] names = [.. job.RewardModels.Select(model => model.Name)];
        for (int i = 0; i < job.Objectives.Count; i++)
        {
            if (job.Objectives[i].Reward is not SharedRewardSpec shared) { continue; }
            string key = FormattableString.Invariant($"objectives[{i}].reward");
            if (!names.Contains(shared.Source))
            {
                string known = names.Length == 0 ? "there are none; add the section reward_models" : $"there are: {string.Join(", ", names)}";
                yield return new(key + ".source", $"is '{shared.Source}', but no entry of reward_models has that name; {known}." + (NearestKey.Find(shared.Source, names) is { } near ? $" Did you mean '{near}'?" : ""));
            }

            if (shared is { Output: not null, Index: not null }) { yield return new(key + ".output", "excludes index; give either the name or the number of the output."); }
            var defaults = new ObjectiveSpec { Name = "x", Reward = shared };
            if (job.Objectives[i].Timeout != defaults.Timeout) { yield return new($"objectives[{i}].timeout", $"is '{job.Objectives[i].Timeout}', but has no effect with kind: shared; set it in reward_models."); }
            if (job.Objectives[i].Retries != defaults.Retries) { yield return new($"objectives[{i}].retries", $"is {job.Objectives[i].Retries}, but has no effect with kind: shared; set it in reward_models."); }
        }
    }
}
