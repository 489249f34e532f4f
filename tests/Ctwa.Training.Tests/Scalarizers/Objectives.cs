using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>Short ways to write objectives and steps in tests.</summary>
internal static class Objectives
{
    public static ObjectiveSpec Of(string name, double weight = 1) => new() { Name = name, Weight = weight, Reward = new MathBoxedRewardSpec() };

    public static StepSignals Signals(double[,] scores, int[] groups, bool[]? valid = null, int step = 1) => new()
    {
        Step = step, Scores = scores, Groups = groups, Lengths = new int[groups.Length],
        Valid = valid ?? [.. Enumerable.Repeat(true, groups.Length)],
    };

    public static StepOutcome Outcome(double[,] scores, int[] groups, double[] signal, bool[]? valid = null, double[]? postUpdate = null) =>
        new() { Signals = Signals(scores, groups, valid), TrainingSignal = signal, PostUpdate = postUpdate };

    /// <summary>A random step: 0/1 and graded scores of M objectives, groups of 4, and a signal that is their uneven mean plus noise.</summary>
    public static StepOutcome Random(long seed, int objectives, int prompts = 6)
    {
        int count = prompts * 4;
        var scores = new double[count, objectives];
        var signal = new double[count];
        for (int b = 0; b < count; b++)
        {
            for (int j = 0; j < objectives; j++)
            {
                double number = CounterRandom.Uniform(seed, RandomPurpose.Test, j, b, 0, 0);
                scores[b, j] = j % 2 == 0 ? Math.Round(number) : number;
                signal[b] += scores[b, j] * (j + 1) / objectives;
            }

            signal[b] += CounterRandom.Uniform(seed, RandomPurpose.Test, 100, b, 0, 0) - 0.5;
        }

        return Outcome(scores, [.. Enumerable.Range(0, count).Select(b => b / 4)], signal);
    }

    /// <summary>The same step with columns in another order: new column i is old column order[i].</summary>
    public static StepOutcome Permute(StepOutcome outcome, int[] order)
    {
        var old = outcome.Signals.Scores;
        var scores = new double[old.GetLength(0), old.GetLength(1)];
        for (int b = 0; b < scores.GetLength(0); b++)
        {
            for (int j = 0; j < order.Length; j++) { scores[b, j] = old[b, order[j]]; }
        }

        return outcome with { Signals = outcome.Signals with { Scores = scores } };
    }
}
