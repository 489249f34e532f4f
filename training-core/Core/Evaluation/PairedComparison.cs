namespace Ctwa.Training.Evaluation;

/// <summary>Two models on the same prompts in one number per prompt, such as an objective's mean score.</summary>
/// <param name="Name">The objective, or <c>response length</c>.</param>
/// <param name="Mean">Mean over prompts of the model.</param>
/// <param name="Baseline">Mean over prompts of what it is compared with.</param>
/// <param name="Difference">Mean of the differences, model minus baseline.</param>
/// <param name="Interval">Of the difference, by <see cref="PromptBootstrap"/> over pairs; null with fewer than two prompts.</param>
/// <param name="Test">Whether the difference could be chance.</param>
/// <param name="Wins">Prompts on which the model has more.</param>
/// <param name="Ties">Prompts on which both have the same.</param>
/// <param name="Losses">Prompts on which the baseline has more.</param>
public sealed record PairedComparison(string Name, double Mean, double Baseline, double Difference, ConfidenceInterval? Interval, SignFlipResult Test, int Wins, int Ties, int Losses)
{
    /// <summary>Rounding of a mean of k scores; a smaller difference is a tie.</summary>
    private const double Equal = 1e-12;

    /// <param name="name">What the numbers are.</param>
    /// <param name="model">One number per prompt.</param>
    /// <param name="baseline">One number per prompt, the same prompts in the same order.</param>
    /// <param name="settings">Seed, draws and level of the interval.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static PairedComparison Of(string name, IReadOnlyList<double> model, IReadOnlyList<double> baseline, EvaluationSettings settings)
    {
        if (model.Count != baseline.Count || model.Count == 0) { throw new ArgumentException($"{model.Count} and {baseline.Count} prompts cannot be paired; give one number per prompt in each, at least one.", nameof(model)); }
        double[] differences = [.. model.Zip(baseline, (ours, theirs) => Math.Abs(ours - theirs) <= Equal * Math.Max(1, Math.Abs(theirs)) ? 0 : ours - theirs)];
        return new PairedComparison(
            name, model.Average(), baseline.Average(), differences.Average(),
            PromptBootstrap.OfMeans([differences], settings.Seed, settings.BootstrapDraws, settings.Level)[0],
            SignFlipTest.Of(differences, settings.Seed),
            differences.Count(value => value > 0), differences.Count(value => value == 0), differences.Count(value => value < 0));
    }
}
