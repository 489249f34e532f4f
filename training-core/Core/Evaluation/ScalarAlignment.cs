using System.Globalization;

namespace Ctwa.Training.Evaluation;

/// <summary>
/// Whether following a scalar serves the objectives, within prompts: covariance and correlation of each objective with the
/// scalar, objectives of the answers that the scalar likes best, and how often its winner is dominated by another answer.
/// Prompts with one answer do not count.
/// </summary>
public static class ScalarAlignment
{
    // Added to standard deviations; the reference's value.
    private const double Floor = 1e-12;

    /// <summary>The metrics by name, as the reference names them; NaN where no prompt counts.</summary>
    /// <param name="prompts">Of each answer, shape [B]; equal ones form a group.</param>
    /// <param name="scalar">Shape [B].</param>
    /// <param name="objectives">Names and scores, each shape [B].</param>
    /// <param name="shares">Shares of best answers to look at, each above 0 and at most 1; others are left out.</param>
    public static IReadOnlyDictionary<string, double> Compute(IReadOnlyList<string> prompts, IReadOnlyList<double> scalar, IReadOnlyList<(string Name, IReadOnlyList<double> Scores)> objectives, IReadOnlyList<double> shares)
    {
        int[][] groups = [.. Enumerable.Range(0, prompts.Count).GroupBy(i => prompts[i], StringComparer.Ordinal).Select(group => group.ToArray()).Where(group => group.Length > 1)];
        double Mean(Func<int[], double> of) => groups.Length == 0 ? double.NaN : groups.Average(of);
        var metrics = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var (name, scores) in objectives)
        {
            metrics[$"stats/align/cov/{name}/mean"] = Mean(group => Covariance(group, scores, scalar));
            metrics[$"stats/align/cov/{name}/frac_neg"] = Mean(group => Covariance(group, scores, scalar) < 0 ? 1 : 0);
            metrics[$"stats/align/pearson/{name}/mean"] = Mean(group =>
                Covariance(group, scores, scalar) / ((Math.Sqrt(Covariance(group, scores, scores)) + Floor) * (Math.Sqrt(Covariance(group, scalar, scalar)) + Floor)));
            metrics[$"stats/align/spearman/{name}/mean"] = Mean(group => Correlation.Spearman(Pick(group, scores), Pick(group, scalar)));
            foreach (double share in shares.Where(share => share is > 0 and <= 1))
            {
                string prefix = string.Create(CultureInfo.InvariantCulture, $"stats/align/topq@{share:0.000}/{name}");
                metrics[$"{prefix}/mean"] = Mean(group => Best(group, scalar, share).Average(i => scores[i]));
                metrics[$"{prefix}/delta_mean"] = Mean(group => Best(group, scalar, share).Average(i => scores[i]) - group.Average(i => scores[i]));
            }

            metrics[$"stats/reward_hacking/winner_u/{name}/mean"] = Mean(group => scores[Winner(group, scalar)]);
        }

        metrics["stats/reward_hacking/pareto_domination_rate"] = Mean(group => IsDominated(Winner(group, scalar), group, objectives) ? 1 : 0);
        metrics["stats/reward_hacking/winner_scalar_s/mean"] = Mean(group => scalar[Winner(group, scalar)]);
        metrics["stats/n_prompts_used"] = groups.Length;
        return metrics;
    }

    private static bool IsDominated(int winner, int[] group, IReadOnlyList<(string Name, IReadOnlyList<double> Scores)> objectives) =>
        group.Any(other => objectives.All(one => one.Scores[other] >= one.Scores[winner]) && objectives.Any(one => one.Scores[other] > one.Scores[winner]));

    // The first of equals.
    private static int Winner(int[] group, IReadOnlyList<double> scalar) => group.MaxBy(i => scalar[i]);

    private static IEnumerable<int> Best(int[] group, IReadOnlyList<double> scalar, double share) =>
        group.OrderBy(i => scalar[i]).TakeLast(Math.Clamp((int)Math.Ceiling(share * group.Length), 1, group.Length));

    private static double[] Pick(int[] group, IReadOnlyList<double> values) => [.. group.Select(i => values[i])];

    private static double Covariance(int[] group, IReadOnlyList<double> left, IReadOnlyList<double> right)
    {
        double leftMean = group.Average(i => left[i]), rightMean = group.Average(i => right[i]);
        return group.Average(i => (left[i] - leftMean) * (right[i] - rightMean));
    }
}
