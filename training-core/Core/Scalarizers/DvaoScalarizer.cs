using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// DVAO (arXiv 2605.25604): within each prompt, standardised rewards are weighted by v_k = b_k σ_k / Σ_j b_j σ_j, where the
/// deviations cancel: A_b = Σ_k b_k (r_bk − μ_k) / Σ_j b_j σ_j, b = the objectives' weights, σ sample standard deviations.
/// A convex combination of standardised rewards, so its size is bounded. The formula is taken from a re-implementation.
/// </summary>
public sealed class DvaoScalarizer : CompletionScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "dvao";

    /// <exception cref="ArgumentException">Weights cannot be normalised.</exception>
    public DvaoScalarizer(IReadOnlyList<ObjectiveSpec> objectives)
        : base(objectives)
    {
    }

    private protected override string Name => Method;

    /// <summary>The method.</summary>
    /// <exception cref="ArgumentException">Weights cannot be normalised.</exception>
    public static ScalarizerSetup Create(DvaoScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => ScalarizerSetup.Of(new DvaoScalarizer(objectives));

    /// <summary>Weights are the v_k, averaged over the prompts in which any reward differs; without one, the objectives' weights.</summary>
    private protected override (double[] Advantages, double[] Weights) Combine(StepSignals signals)
    {
        int width = Preference.Length, informative = 0;
        double[] advantages = new double[signals.Valid.Length], shares = new double[width], mean = new double[width], spread = new double[width];
        foreach (int[] group in SampleGroups.OfTwoOrMore(signals.Groups, signals.Valid))
        {
            double total = 0;
            for (int j = 0; j < width; j++)
            {
                (mean[j], double deviation) = Moments(signals, group, j);
                total += spread[j] = Preference[j] * deviation;
            }

            if (!(total > 0)) { continue; }
            informative++;
            for (int j = 0; j < width; j++)
            {
                shares[j] += spread[j] / total;
                // What did not differ adds nothing; the rounding of its mean, divided by a small total, could.
                if (spread[j] == 0) { continue; }
                foreach (int b in group) { advantages[b] += Preference[j] * (signals.Scores[b, j] - mean[j]) / total; }
            }
        }

        return (advantages, informative == 0 ? [.. Preference] : [.. shares.Select(share => share / informative)]);
    }

    private static (double Mean, double Deviation) Moments(StepSignals signals, int[] group, int objective)
    {
        double mean = 0, squares = 0;
        bool differs = false;
        foreach (int b in group)
        {
            mean += signals.Scores[b, objective] / group.Length;
            differs |= signals.Scores[b, objective] != signals.Scores[group[0], objective];
        }

        foreach (int b in group) { squares += (signals.Scores[b, objective] - mean) * (signals.Scores[b, objective] - mean); }
        return (mean, differs ? Math.Sqrt(squares / (group.Length - 1)) : 0);
    }
}
