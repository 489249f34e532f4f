using Ctwa.Training.Randomness;
using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// PCGrad (arXiv 2001.06782) with the preference-weighted mean of the projected gradients, where the paper has their sum: the same
/// direction for equal weights, and the length of method linear where nothing conflicts.
/// </summary>
internal static class PCGradScalarizer
{
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(PCGradScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        int[] inOrder = [.. Enumerable.Range(0, objectives.Count)];
        return ScalarizerSetup.Of(new GramScalarizer(options, objectives, (signals, preference) => ConflictProjection.Solve(
            signals.Gram, preference, row => options.Order == ProjectionOrder.Fixed ? inOrder : Shuffled(options.OrderSeed, signals, row, objectives.Count))));
    }

    /// <summary>A uniform permutation (Fisher-Yates), a function of seed, step, update and row.</summary>
    private static int[] Shuffled(long seed, GradientSignals signals, int row, int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int last = count - 1; last > 0; last--)
        {
            int pick = CounterRandom.Below(last + 1, seed, RandomPurpose.ProjectionOrder, signals.Step, signals.Update, row, last);
            (order[last], order[pick]) = (order[pick], order[last]);
        }

        return order;
    }
}
