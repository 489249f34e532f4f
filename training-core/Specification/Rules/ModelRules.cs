namespace Ctwa.Training.Specification;

/// <summary>Rules over <c>model</c>.</summary>
internal static class ModelRules
{
    public static IEnumerable<JobFinding> OnePolicy(JobSpec job)
    {
        if ((job.Model.Path is null) == (job.Model.Init is null))
        {
            yield return new("model", $"has {(job.Model.Path is null ? "neither path nor init" : "both path and init")}; give exactly one: path (a Hugging Face folder) or init (a new model).");
        }
    }

    public static IEnumerable<JobFinding> HeadShape(JobSpec job)
    {
        if (job.Model.Init is not { } init) { yield break; }
        int heads = init.NumAttentionHeads;
        if (init.HeadDim is { } size)
        {
            if (size % 2 != 0) { yield return new("model.init.head_dim", $"is {size}; the rotary embedding needs an even head size, such as {size + 1}."); }
        }
        else if (init.HiddenSize % heads != 0) { yield return new("model.init.hidden_size", $"is {init.HiddenSize}, no multiple of num_attention_heads {heads}; give a multiple, such as {Math.Max(1, init.HiddenSize / heads) * heads}."); }
        else if (init.HiddenSize / heads % 2 != 0) { yield return new("model.init.hidden_size", $"is {init.HiddenSize}, which gives {heads} heads of size {init.HiddenSize / heads}; the rotary embedding needs an even head size, such as {init.HiddenSize / heads + 1} (hidden_size {(init.HiddenSize / heads + 1) * heads})."); }
        if (heads % init.NumKeyValueHeads != 0)
        {
            yield return new("model.init.num_key_value_heads", $"is {init.NumKeyValueHeads}, no divisor of num_attention_heads {heads}; accepted: {string.Join(", ", Enumerable.Range(1, heads).Where(d => heads % d == 0))}.");
        }
    }

    public static IEnumerable<JobFinding> Adapters(JobSpec job)
    {
        if (job.Model.Lora is not { } lora) { yield break; }
        if (job.Model.Init is not null) { yield return new("model.lora", "goes with model.init, whose random weights would stay as they are; give model.path, the folder of a trained model, or leave lora out."); }
        if (lora.Targets.Count == 0) { yield return new("model.lora.targets", $"is empty; name at least one of {string.Join(", ", Enum.GetValues<LoraTarget>().Select(target => target.Module().Split('.')[1]))}."); }
        foreach (var twice in lora.Targets.GroupBy(target => target).Where(group => group.Count() > 1)) { yield return new("model.lora.targets", $"names {twice.Key.Module().Split('.')[1]} {twice.Count()} times; once is enough."); }
    }

    public static IEnumerable<JobFinding> LossScale(JobSpec job)
    {
        double scale = job.Model.LossScale;
        if (Math.Log2(scale) % 1 != 0) { yield return new("model.loss_scale", FormattableString.Invariant($"is {scale}; a power of two is needed, so that scaling is exact, such as {Math.Pow(2, Math.Round(Math.Log2(scale)))}.")); }
        else if (scale != new ModelSpec().LossScale && job.Model.Dtype != ComputeType.Float16) { yield return new("model.loss_scale", FormattableString.Invariant($"is {scale}, but has no effect without dtype: float16; set that, or remove it.")); }
    }

    public static IEnumerable<JobFinding> TokenBudget(JobSpec job)
    {
        long longest = (long)job.Data.MaxPromptTokens + (job.Kind == JobKind.Rl ? job.Rollout.MaxNewTokens : 1);
        if (job.Update.MaxTokensPerMicroBatch is { } budget && budget < longest)
        {
            yield return new("update.max_tokens_per_micro_batch", $"is {budget}, but one sequence may have data.max_prompt_tokens {job.Data.MaxPromptTokens} + {(job.Kind == JobKind.Rl ? $"rollout.max_new_tokens {job.Rollout.MaxNewTokens}" : "1")} = {longest} tokens; give at least that.");
        }
    }

    public static IEnumerable<JobFinding> PositionsForPromptAndResponse(JobSpec job)
    {
        if (job.Model.Init is { } init && TooFewPositions(job, init.MaxPositionEmbeddings) is { } message) { yield return new("model.init.max_position_embeddings", message); }
    }

    /// <summary>What to say if a model with that many positions cannot hold a prompt with its response, otherwise null.</summary>
    public static string? TooFewPositions(JobSpec job, int positions)
    {
        long response = job.Kind == JobKind.Rl ? job.Rollout.MaxNewTokens : 1, needed = job.Data.MaxPromptTokens + response;
        return positions >= needed ? null
            : job.Kind == JobKind.Rl ? $"is {positions}, but data.max_prompt_tokens {job.Data.MaxPromptTokens} + rollout.max_new_tokens {response} = {needed}; lower those or use a model with more positions."
            : $"is {positions}, but data.max_prompt_tokens is {job.Data.MaxPromptTokens}, which leaves no position for a response; lower it or use a model with more positions.";
    }
}
