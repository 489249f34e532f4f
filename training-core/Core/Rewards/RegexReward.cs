using System.Text.RegularExpressions;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>Matches of a pattern in the response, by .NET's non-backtracking engine: no pattern can make it take exponential time.</summary>
public sealed class RegexReward : IReward
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);
    private readonly RegexRewardSpec _spec;
    private readonly Regex _regex;

    /// <exception cref="ArgumentException">The pattern is no regular expression; a checked job has none such.</exception>
    /// <exception cref="NotSupportedException">The engine cannot match it in linear time; a checked job has none such.</exception>
    public RegexReward(RegexRewardSpec spec)
    {
        _spec = spec;
        var options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | (spec.IgnoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);
        _regex = new Regex(spec.Expression(), options, s_limit);
    }

    /// <inheritdoc/>
    /// <exception cref="RegexMatchTimeoutException">A response of a length that no model writes.</exception>
    public double Score(in ScoredCompletion completion, in RewardContext context) => _spec.Match == PatternMatch.Count
        ? Math.Min(1, (double)Count(completion.Response) / _spec.MaxCount)
        : _regex.IsMatch(completion.Response) ? 1 : 0;

    private int Count(string response)
    {
        int count = 0;
        foreach (var _ in _regex.EnumerateMatches(response))
        {
            if (++count >= _spec.MaxCount) { break; }
        }

        return count;
    }
}
