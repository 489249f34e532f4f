using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>Methods without state that make the advantages themselves from scores standardised within each prompt.</summary>
public abstract class CompletionScalarizer : IScalarizer
{
    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;

    private protected CompletionScalarizer(IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        Preference = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <summary>The objectives' weights, normalised to sum 1.</summary>
    private protected double[] Preference { get; }

    /// <summary>Name in the state.</summary>
    private protected abstract string Name { get; }

    /// <inheritdoc/>
    public ScalarizerState Initial() => new() { Method = Name, Version = Version, Objectives = objectives, Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Name, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        var (advantages, weights) = Combine(signals);
        return new Scalarization.OfCompletions(advantages, weights);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Name, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal));
    }

    /// <summary>One advantage per completion, shape [B], 0 where it was dropped, and the weights that the objectives had, shape [M].</summary>
    private protected abstract (double[] Advantages, double[] Weights) Combine(StepSignals signals);
}
