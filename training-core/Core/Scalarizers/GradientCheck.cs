using Ctwa.Training.Steps;

namespace Ctwa.Training.Scalarizers;

/// <summary>Checks shared by the methods that look at gradients.</summary>
internal static class GradientCheck
{
    /// <exception cref="ArgumentException">Shapes differ from [M, M] and [M].</exception>
    /// <exception cref="NumericFailureException">A gradient, loss or mean score is not finite.</exception>
    public static void Require(GradientSignals signals, IReadOnlyList<string> objectives)
    {
        int count = objectives.Count;
        if (signals.Gram.GetLength(0) != count || signals.Gram.GetLength(1) != count || signals.Losses.Length != count || signals.MeanScores.Length != count)
        {
            throw new ArgumentException($"step {signals.Step}, update {signals.Update} has a Gram matrix of shape [{signals.Gram.GetLength(0)}, {signals.Gram.GetLength(1)}], {signals.Losses.Length} losses and {signals.MeanScores.Length} mean scores; the method has {count} objectives ({string.Join(", ", objectives)}).", nameof(signals));
        }

        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++) { Require(signals, signals.Gram[i, j], $"the inner product of the gradients of '{objectives[i]}' and '{objectives[j]}'"); }
            Require(signals, signals.Losses[i], $"the loss of '{objectives[i]}'");
            Require(signals, signals.MeanScores[i], $"the mean score of '{objectives[i]}'");
        }
    }

    /// <summary>The coefficients, if they are finite.</summary>
    /// <exception cref="NumericFailureException">One is not.</exception>
    public static double[] RequireFinite(double[] coefficients, GradientSignals signals, IReadOnlyList<string> objectives)
    {
        for (int i = 0; i < coefficients.Length; i++) { Require(signals, coefficients[i], $"the coefficient of '{objectives[i]}'"); }
        return coefficients;
    }

    private static void Require(GradientSignals signals, double value, string what)
    {
        if (!double.IsFinite(value)) { throw new NumericFailureException(FormattableString.Invariant($"step {signals.Step}, update {signals.Update}: {what} is {value}. Lower optimizer.learning_rate or set optimizer.grad_clip in a new run.")); }
    }
}
