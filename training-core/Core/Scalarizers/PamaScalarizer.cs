using Ctwa.Training.Advantages;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// PAMA (arXiv 2508.07768), corrected: of all convex combinations Σ c_i I(A_i) of the objectives' mean positive advantages the
/// one nearest to 0, which is one objective, and then that objective's own advantages per token:
/// <code>
/// I(A_i) = mean over tokens of max(A_i, 0)            at the policy that sampled: nothing is clipped yet
/// c      = one-hot at argmin_i I(A_i)/p_i             p = the objectives' weights; ties share; only where I(A_i) &gt; 0
/// A      = Σ_i c_i max(A_i, 0)                        per token (Noon-PPO)
/// </code>
/// The reference implementation gives every token the number min_i I(A_i), which assigns no credit: at the reference policy its
/// expected gradient is 0. An objective without any positive advantage says nothing in this step and is left out; the
/// reference stops learning altogether then.
/// </summary>
public sealed class PamaScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "pama";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly double[] preference;

    /// <exception cref="ArgumentException">A weight is not positive.</exception>
    public PamaScalarizer(IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        preference = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        if (preference.Any(weight => weight <= 0)) { throw new ArgumentException($"the objectives' weights are {ObjectiveWeights.Show(preference)}; pama divides by them, so each must be positive.", nameof(objectives)); }
    }

    /// <summary>The method in the mode that the options name, with the warning that it is experimental.</summary>
    /// <exception cref="ArgumentException">A weight is not positive.</exception>
    public static ScalarizerSetup Create(PamaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        var setup = options.Mode == MethodMode.Reference
            ? ScalarizerSetup.Reference(new PamaReferenceScalarizer(objectives), Method, "every token of every answer gets the same advantage, so no answer is preferred to another; one objective without positive advantages stops learning")
            : ScalarizerSetup.Of(new PamaScalarizer(objectives));
        return setup with { Warnings = [.. setup.Warnings, "scalarizer 'pama' is experimental: its paper shows it for two objectives, and it uses positive advantages only."] };
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.ObjectiveAdvantages;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new() { Method = Method, Version = Version, Objectives = objectives, Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] means = PositiveAdvantages.Means(signals, preference.Length, open: null);
        return new Scalarization.OfAdvantages(PositiveAdvantages.Smallest([.. means.Select((mean, j) => mean / preference[j])], preference)) { NonNegative = true };
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal) { ["positive_advantage"] = PositiveAdvantages.Means(outcome.Signals, preference.Length, open: null) });
    }
}

/// <summary>Mean positive advantages of the objectives, and which is the smallest.</summary>
internal static class PositiveAdvantages
{
    private const double Tie = 1e-12;

    /// <summary>I(A_i) = Σ_b open_b Σ_t max(A_i,bt, 0) / Σ_b L_b over valid completions, shape [M]; 0 without a token.</summary>
    /// <param name="open">Share of each completion's tokens that count, shape [B]; null: all of them.</param>
    /// <exception cref="ArgumentException">The signals have no advantages per objective.</exception>
    public static double[] Means(StepSignals signals, int count, double[]? open)
    {
        if (signals.ObjectiveAdvantages is not { } advantages || advantages.Count != count) { throw new ArgumentException($"step {signals.Step} has advantages of {signals.ObjectiveAdvantages?.Count ?? 0} objectives, this method requires them of {count}.", nameof(signals)); }
        var means = new double[count];
        long tokens = 0;
        float[] buffer = [];
        for (int b = 0; b < signals.Valid.Length; b++)
        {
            if (!signals.Valid[b]) { continue; }
            int length = signals.Lengths[b];
            tokens += length;
            if (buffer.Length < length) { buffer = new float[length]; }
            for (int j = 0; j < count; j++)
            {
                advantages[j].TokenAdvantages(b, length, buffer);
                double sum = 0;
                foreach (float advantage in buffer.AsSpan(0, length)) { sum += Math.Max(advantage, 0); }
                means[j] += sum * (open?[b] ?? 1);
            }
        }

        return tokens == 0 ? means : [.. means.Select(mean => mean / tokens)];
    }

    /// <summary>Weights of the smallest positive number, shared by those that equal it; <paramref name="otherwise"/> if none is positive.</summary>
    public static double[] Smallest(double[] values, double[] otherwise)
    {
        double[] positive = [.. values.Where(value => value > 0)];
        if (positive.Length == 0) { return [.. otherwise]; }
        double smallest = positive.Min();
        bool[] chosen = [.. values.Select(value => value > 0 && value - smallest <= Tie * smallest)];
        int count = chosen.Count(one => one);
        return [.. chosen.Select(one => one ? 1.0 / count : 0)];
    }
}
