using System.Collections.Frozen;

namespace Ctwa.Training.Specification;

/// <summary>The known word that a mistyped one was probably meant to be.</summary>
internal static class NearestKey
{
    // What other trainers call the same thing.
    private static readonly FrozenDictionary<string, string> habits = new Dictionary<string, string>
    {
        ["lr"] = "learning_rate",
        ["n"] = "samples_per_prompt",
        ["group_size"] = "samples_per_prompt",
        ["num_generations"] = "samples_per_prompt",
        ["max_tokens"] = "max_new_tokens",
        ["max_completion_length"] = "max_new_tokens",
        ["response_length"] = "max_new_tokens",
        ["max_prompt_length"] = "max_prompt_tokens",
        ["train_batch_size"] = "prompts_per_step",
        ["batch_size"] = "prompts_per_step",
        ["mini_batch_size"] = "prompts_per_update",
        ["ppo_mini_batch_size"] = "prompts_per_update",
        ["ppo_epochs"] = "epochs",
        ["max_grad_norm"] = "grad_clip",
        ["kl_coef"] = "coefficient",
        ["beta"] = "coefficient",
        ["adv_estimator"] = "estimator",
        ["entropy_coeff"] = "entropy_coefficient",
        ["lr_scheduler"] = "schedule",
        ["save_freq"] = "checkpoint_every",
        ["save_every"] = "checkpoint_every",
        ["test_freq"] = "validate_every",
        ["model_path"] = "path",
        ["model_type"] = "architecture",
        ["type"] = "kind",
        ["n_layers"] = "num_hidden_layers",
        ["num_layers"] = "num_hidden_layers",
        ["num_heads"] = "num_attention_heads",
        ["n_heads"] = "num_attention_heads",
        ["lambda_lr"] = "learning_rate",
        ["tau"] = "ema_rate",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The nearest of <paramref name="known"/> by optimal string alignment, or null if none is near.</summary>
    public static string? Find(string word, IEnumerable<string> known)
    {
        if (word.Length is 0 or > 64) { return null; }
        string folded = Fold(word), alias = habits.GetValueOrDefault(word.ToLowerInvariant().Replace('-', '_'), "");
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string candidate in known)
        {
            string other = Fold(candidate);
            int distance = folded == other || candidate == alias ? 0 : Distance(folded, other);
            int limit = Math.Max(1, Math.Min(folded.Length, other.Length) / 3);
            // A plural, a unit or a prefix more or less: target/targets, timeout/timeout_s.
            bool stem = folded.Length >= 4 && other.Length >= 4 && (folded.StartsWith(other, StringComparison.Ordinal) || other.StartsWith(folded, StringComparison.Ordinal));
            if ((distance <= limit || stem) && distance < bestDistance) { (best, bestDistance) = (candidate, distance); }
        }

        return best;
    }

    private static string Fold(string word) => word.ToLowerInvariant().Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal);

    /// <summary>Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.</summary>
    internal static int Distance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) { d[i, 0] = i; }
        for (int j = 0; j <= b.Length; j++) { d[0, j] = j; }
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) { d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1); }
            }
        }

        return d[a.Length, b.Length];
    }
}
