using Ctwa.Training.Scalarizers;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Diagnostics;

/// <summary>
/// What a step changed in the objectives on its own rollouts: ΔR̂_j = E_x Cov_{y~π_old(·|x)}(r_j, ρ), ρ = π_new(y|x)/π_old(y|x).
/// It is the importance-sampled change of the mean score, with the prompt's mean score as baseline: the quantity that the
/// covariance law predicts to first order (arXiv 2602.06869), measured instead of predicted.
/// </summary>
public sealed record RealisedImprovement
{
    /// <summary>A fall counts as interference from this many standard errors on.</summary>
    private const double StandardErrors = 2;

    /// <summary>Log-ratios are cut at ±20, as in the policy loss.</summary>
    private const double LogRatioBound = 20;

    /// <summary>ΔR̂_j, shape [M], in units of the score; NaN without a prompt of two valid completions.</summary>
    public required double[] Change { get; init; }

    /// <summary>Standard error of <see cref="Change"/> over prompts, shape [M]; 0 with one prompt.</summary>
    public required double[] StandardError { get; init; }

    /// <summary>Change of the scalar that the step optimized: Σ_j w_j ΔR̂_j / Σ_j |w_j|.</summary>
    public required double Signal { get; init; }

    /// <summary>Mean |w_clipped − w_unclipped| over valid completions: how far clipping moves the law's weight.</summary>
    public required double ClipDistortion { get; init; }

    /// <summary>Share of the valid completions' tokens that are not clipped.</summary>
    public required double ActiveFraction { get; init; }

    /// <summary>Objectives that fell beyond two standard errors while the signal rose, each with the objective that gained most.</summary>
    public required IReadOnlyList<(int Loser, int Winner)> Events { get; init; }

    /// <summary>Measures a step.</summary>
    /// <param name="signals">Scores, groups, validity, lengths.</param>
    /// <param name="measured">One per completion, shape [B].</param>
    /// <param name="weights">Weights of the objectives in the step's signal, shape [M].</param>
    public static RealisedImprovement Compute(StepSignals signals, IReadOnlyList<PostUpdateMeasurement> measured, double[] weights)
    {
        int objectives = signals.Scores.GetLength(1);
        double[] ratios = [.. measured.Select(one => Math.Exp(Math.Clamp(one.LogRatio, -LogRatioBound, LogRatioBound)))];
        var groups = SampleGroups.OfTwoOrMore(signals.Groups, signals.Valid);
        double[] change = new double[objectives], error = new double[objectives];
        for (int j = 0; j < objectives; j++)
        {
            double[] perPrompt = [.. groups.Select(group => GroupMoments.Of(group, signals.Scores, j, ratios).Covariance)];
            change[j] = perPrompt.Length == 0 ? double.NaN : perPrompt.Average();
            error[j] = perPrompt.Length < 2 ? 0 : Math.Sqrt(perPrompt.Sum(value => (value - change[j]) * (value - change[j])) / (perPrompt.Length - 1) / perPrompt.Length);
        }

        double total = weights.Sum(Math.Abs), signal = change.Zip(weights, (one, weight) => one * weight).Sum() / total;
        int winner = Array.IndexOf(change, change.Max());
        long tokens = 0, active = 0, valid = 0;
        double distortion = 0;
        for (int b = 0; b < measured.Count; b++)
        {
            if (!signals.Valid[b]) { continue; }
            valid++;
            tokens += signals.Lengths[b];
            active += measured[b].ActiveTokens;
            distortion += Math.Abs(measured[b].Clipped - measured[b].Unclipped);
        }

        return new()
        {
            Change = change,
            StandardError = error,
            Signal = signal,
            ClipDistortion = distortion / valid,
            ActiveFraction = (double)active / tokens,
            Events = signal > 0 ? [.. Enumerable.Range(0, objectives).Where(j => j != winner && change[j] < 0 && change[j] < -StandardErrors * error[j]).Select(j => (j, winner))] : [],
        };
    }
}
