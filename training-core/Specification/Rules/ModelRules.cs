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
