namespace Ctwa.Training.Diagnostics;

/// <summary>What the diagnostics remember from step to step. It is part of every checkpoint, so that metrics too are those of an undisturbed run; nothing here moves the training.</summary>
public sealed record DiagnosticState
{
    /// <summary>Version of this record's meaning.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Forward and backward passes over a step's completions since reinforcement learning began.</summary>
    public double ForwardPasses { get; init; }

    /// <inheritdoc cref="ForwardPasses"/>
    public double BackwardPasses { get; init; }

    /// <summary>Steps whose realised improvement was measured.</summary>
    public int MeasuredSteps { get; init; }

    /// <summary>Those of them with at least one interference event.</summary>
    public int EventSteps { get; init; }

    /// <summary>The covariance law's predictions against what was realised.</summary>
    public PredictionRecord Covariance { get; init; } = new();

    /// <summary>The gradients' predictions (−⟨Δθ, g_j⟩) against what was realised.</summary>
    public PredictionRecord Gradient { get; init; } = new();

    /// <summary>Means of the last validation, shape [M]; empty before the first.</summary>
    public double[] LastValidation { get; init; } = [];

    /// <summary>Sums since the last validation, shape [M]: within-prompt covariances with the signal, realised improvements.</summary>
    public double[] CovarianceSince { get; init; } = [];

    /// <inheritdoc cref="CovarianceSince"/>
    public double[] RealisedSince { get; init; } = [];

    /// <summary>Validation means that no other validation beats in every objective.</summary>
    public IReadOnlyList<double[]> Archive { get; init; } = [];

    /// <summary>Adds a step.</summary>
    /// <param name="covariance">Within-prompt covariances with the training signal, shape [M].</param>
    /// <param name="byGradient">−⟨Δθ, g_j⟩, shape [M]; null where not measured.</param>
    /// <param name="realised">Null where not measured.</param>
    public DiagnosticState Step(double[] covariance, double[]? byGradient, RealisedImprovement? realised, double forwardPasses, double backwardPasses) => this with
    {
        ForwardPasses = forwardPasses,
        BackwardPasses = backwardPasses,
        MeasuredSteps = MeasuredSteps + (realised is null ? 0 : 1),
        EventSteps = EventSteps + (realised is { Events.Count: > 0 } ? 1 : 0),
        Covariance = realised is null ? Covariance : Covariance.Add(covariance, realised.Change),
        Gradient = realised is null || byGradient is null ? Gradient : Gradient.Add(byGradient, realised.Change),
        CovarianceSince = Sum(CovarianceSince, covariance),
        RealisedSince = realised is null ? RealisedSince : Sum(RealisedSince, realised.Change),
    };

    /// <summary>Adds a validation's means.</summary>
    public DiagnosticState Validated(double[] means, IReadOnlyList<double[]> archive) => this with { LastValidation = means, CovarianceSince = [], RealisedSince = [], Archive = archive };

    private static double[] Sum(double[] sum, double[] addend) =>
        [.. addend.Select((value, j) => (sum.Length == 0 ? 0 : sum[j]) + (double.IsFinite(value) ? value : 0))];
}
