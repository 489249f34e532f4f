using System.Text.RegularExpressions;

namespace Ctwa.Training.Specification;

/// <summary>Rules over rewards, wherever they stand in a job.</summary>
internal static class RewardRules
{
    /// <summary>Longest pattern of <c>kind: regex</c>.</summary>
    private const int MaxPattern = 4000;

    private static IEnumerable<JobFinding> OfEach<T>(JobSpec job, Func<string, T, IEnumerable<JobFinding>> rule) where T : RewardSpec =>
        RewardUses.Places(job).SelectMany(place => place.Reward is T reward ? rule(place.Key, reward) : []);

    public static IEnumerable<JobFinding> ReferenceModeWhereThereIsOne(JobSpec job) => OfEach<RewardSpec>(job, (key, reward) =>
        reward is { Mode: MethodMode.Reference } and not (MathBoxedRewardSpec or ConcisenessRewardSpec or ClarityRewardSpec or Gsm8kRewardSpec)
            ? [new(key + ".mode", $"is reference, but kind: {reward.KindName()} has no reference implementation; remove it.")]
            : []);

    public static IEnumerable<JobFinding> LengthBounds(JobSpec job) => OfEach<LengthRewardSpec>(job, Bounds);

    private static IEnumerable<JobFinding> Bounds(string key, LengthRewardSpec reward)
    {
        if (reward is { MinTokens: null, MaxTokens: null, Target: null }) { yield return new(key, "has no length; give max_tokens, min_tokens, both, or target."); }
        if (reward.Target is not null && (reward.MinTokens ?? reward.MaxTokens) is not null) { yield return new(key + ".target", "excludes min_tokens and max_tokens; give either the one or the others."); }
        if (reward.MaxTokens < reward.Window) { yield return new(key + ".window", $"is {reward.Window}, more than max_tokens {reward.MaxTokens}: no length would be without penalty. Give at most {reward.MaxTokens}."); }
        else if (reward is { MinTokens: { } min, MaxTokens: { } max } && (long)min + reward.Window > max - reward.Window)
        {
            yield return new(key + ".window", $"is {reward.Window}, so that the penalties of min_tokens {min} and max_tokens {max} overlap; give at most {Math.Max(0, (max - min) / 2)}.");
        }
    }

    public static IEnumerable<JobFinding> Patterns(JobSpec job) => OfEach<RegexRewardSpec>(job, Pattern);

    private static IEnumerable<JobFinding> Pattern(string key, RegexRewardSpec reward)
    {
        if (reward.MaxCount != 1 && reward.Match != PatternMatch.Count) { yield return new(key + ".max_count", $"is {reward.MaxCount}, but has no effect without match: count; set that, or remove it."); }
        if ((PatternError(reward.Pattern) ?? PatternError(reward.Expression())) is { } error) { yield return new(key + ".pattern", error); }
    }

    private static string? PatternError(string pattern)
    {
        if (pattern.Length > MaxPattern) { return $"has {pattern.Length} characters; at most {MaxPattern} are accepted."; }
        try
        {
            _ = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return null;
        }
        catch (RegexParseException e)
        {
            return FormattableString.Invariant($"is no regular expression: column {e.Offset + 1}: {Reason(e)}.");
        }
        catch (NotSupportedException e)
        {
            return $"cannot be matched in linear time: {SafetensorsHeader.FirstSentence(e.Message)} Look-around, backreferences, atomic groups and very large repetitions are not accepted.";
        }
    }

    private static string Reason(RegexParseException e) => e.Error.ToString().Aggregate("", (text, c) => text + (char.IsUpper(c) && text.Length > 0 ? " " + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));

    public static IEnumerable<JobFinding> Formulas(JobSpec job) => OfEach<ExpressionRewardSpec>(job, (key, reward) =>
        RewardExpression.Error(reward.Formula) is { } error ? [new(key + ".formula", $"is no formula: {error}")] : []);

    public static IEnumerable<JobFinding> Processes(JobSpec job) => OfEach<ProcessRewardSpec>(job, (key, reward) => Process(key, reward));

    private static IEnumerable<JobFinding> Process(string key, ProcessRewardSpec reward)
    {
        if (reward.Command.Count is 0 or > 256) { yield return new(key + ".command", reward.Command.Count == 0 ? "is empty; give the program and its arguments, such as [./grader.py]." : $"has {reward.Command.Count} entries; at most 256 are accepted."); }
        if (!ScoringTimeout.TryParse(reward.StartTimeout, out _)) { yield return new(key + ".start_timeout", $"is '{reward.StartTimeout}'; accepted are durations such as 500ms, 5s or 2m, greater than 0 and at most 5m."); }
        for (int i = 0; i < reward.Environment.Count; i++)
        {
            if (RewardPolicyFile.Error("secrets", reward.Environment[i]) is { } error) { yield return new(FormattableString.Invariant($"{key}.environment[{i}]"), error); }
        }
    }

    public static IEnumerable<JobFinding> Services(JobSpec job) => OfEach<HttpRewardSpec>(job, Service);

    private static IEnumerable<JobFinding> Service(string key, HttpRewardSpec reward)
    {
        if (!Uri.TryCreate(reward.Url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
        {
            yield return new(key + ".url", $"is '{reward.Url}'; accepted are addresses such as https://grader.example.org/score.");
            yield break;
        }

        if (uri.UserInfo.Length > 0) { yield return new(key + ".url", "holds a user name or password, which would be written into the run directory; put a token into an environment variable and name it in token_env."); }
        if (uri.Scheme == "http" && !uri.IsLoopback && !reward.Insecure) { yield return new(key + ".url", $"is '{reward.Url}': prompts, responses and the token would travel unencrypted to another machine. Use https://, or set insecure: true."); }
        if (reward.Insecure && (uri.Scheme == "https" || uri.IsLoopback)) { yield return new(key + ".insecure", $"is true, but has no effect on {(uri.Scheme == "https" ? "https://, whose certificates are always checked" : "an address of this machine")}; remove it."); }
        if (reward.CaFile is not null && uri.Scheme == "http") { yield return new(key + ".ca_file", "is given, but http:// has no certificates; use https://, or remove it."); }
    }

    public static IEnumerable<JobFinding> Templates(JobSpec job) => OfEach<ModelRewardSpec>(job, Template);

    private static IEnumerable<JobFinding> Template(string key, ModelRewardSpec reward)
    {
        if (reward.Chat && reward.Template != new ModelRewardSpec { Path = "" }.Template) { yield return new(key + ".template", "has no effect with chat: true; remove one of them."); }
        if (!reward.Template.Contains("{response}", StringComparison.Ordinal)) { yield return new(key + ".template", $"is '{reward.Template}', without {{response}}: every response would score the same."); }
    }
}
