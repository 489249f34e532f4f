using System.Numerics;
using System.Text.RegularExpressions;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// GSM8K's convention (arXiv 2110.14168): the answer is the number after <c>####</c>. Corrected mode reads the last such number
/// of the whole response, with thousands separators, a currency sign and a closing full stop, and compares numbers exactly.
/// Reference mode repeats the string arithmetic of <see cref="ReferenceGsm8kAnswer"/>.
/// </summary>
public sealed class Gsm8kReward(Gsm8kRewardSpec spec) : IReward
{
    private static readonly Regex s_marked = new(@"####[ \t]*\$?[ \t]*(-?[0-9.,]+)", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    private static readonly Regex s_number = new("(-?[0-9.,]*[0-9][0-9.,]*)", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);

    /// <inheritdoc/>
    public double Score(in ScoredCompletion completion, in RewardContext context)
    {
        if (spec.Mode == MethodMode.Reference) { return ReferenceGsm8kAnswer.Score(completion.Response, completion.GroundTruth, spec); }
        if (Extract(completion.Response, spec.Method) is not { } answer) { return 0; }
        return IsEqual(answer, completion.GroundTruth) ? spec.Score : spec.FormatScore;
    }

    /// <summary>The answer's number; null if there is none where it is expected.</summary>
    internal static (BigInteger Numerator, BigInteger Denominator)? Extract(string response, AnswerMethod method)
    {
        var pattern = method == AnswerMethod.Strict ? s_marked : s_number;
        (BigInteger, BigInteger)? last = null;
        foreach (Match match in pattern.Matches(response))
        {
            if (TryRead(match.Groups[1].Value, out var value)) { last = value; }
        }

        return last;
    }

    /// <summary>Data sets often keep the whole worked answer as ground truth: what follows its last <c>####</c> counts.</summary>
    private static bool IsEqual((BigInteger Numerator, BigInteger Denominator) answer, string groundTruth)
    {
        int mark = groundTruth.LastIndexOf("####", StringComparison.Ordinal);
        string expected = (mark < 0 ? groundTruth : groundTruth[(mark + 4)..]).Trim().TrimStart('$').TrimEnd('.');
        return AnswerEquivalence.TryParse(expected, out var value) && answer.Numerator * value.Denominator == value.Numerator * answer.Denominator;
    }

    private static bool TryRead(string text, out (BigInteger Numerator, BigInteger Denominator) value)
    {
        string number = text.TrimEnd('.', ',');
        // "1,-2" and "3,5" are lists, not numbers with thousands separators: their last part was written last.
        return AnswerEquivalence.TryParse(number, out value) || (number.Contains(',', StringComparison.Ordinal) && AnswerEquivalence.TryParse(number[(number.LastIndexOf(',') + 1)..], out value));
    }
}
