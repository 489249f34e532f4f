using Ctwa.Training.Randomness;

namespace Ctwa.Training.Datasets;

/// <summary>
/// Solutions of training problems in mixed styles: what the quick-start's supervised warm start imitates. An example is
/// a pure function of (seed, step, index).
/// </summary>
/// <param name="task">Problems; only the training part is drawn from.</param>
/// <param name="mix">Styles and their shares.</param>
/// <param name="problems">Draw from these instead of from the whole training part; null: the whole part.</param>
internal sealed class ArithmeticWarmStart(ArithmeticTask task, ArithmeticStyleMix mix, IReadOnlyList<ArithmeticProblem>? problems = null)
{
    // Counter words that keep an example's draws apart: 0 is the problem's (ArithmeticTask.Draw).
    private const int StyleDraw = 1, NoiseDraw = 2, WordDraw = 3;

    private readonly ArithmeticSolutionWriter _writer = new(mix);

    /// <summary>One example and what is known about it.</summary>
    /// <param name="Problem">The problem.</param>
    /// <param name="Style">How it is written.</param>
    /// <param name="Corrupted">Whether noise replaced the boxed answer.</param>
    /// <param name="Response">The solution's text.</param>
    internal readonly record struct Solution(ArithmeticProblem Problem, ArithmeticStyle Style, bool Corrupted, string Response);

    /// <summary>Example <paramref name="index"/> of step <paramref name="step"/>, both from 0.</summary>
    /// <param name="step">Step of the supervised stage.</param>
    /// <param name="index">Example within the step, over all shards.</param>
    /// <param name="curriculumSteps">Before this step all solutions are short, right and free of noise.</param>
    /// <param name="answerNoise">Share of the right styles' boxed answers that are replaced by another digit.</param>
    public Solution At(long step, int index, int curriculumSteps, double answerNoise)
    {
        const RandomPurpose purpose = RandomPurpose.SupervisedExample;
        long seed = task.Seed;
        var problem = problems is null
            ? task.Draw(DatasetSplit.Train, purpose, step, index)
            : problems[CounterRandom.Below(problems.Count, seed, purpose, step, index, 0, 0)];
        double quantile = CounterRandom.Uniform(seed, purpose, step, index, StyleDraw, 0);
        bool curriculum = step < curriculumSteps;
        var style = curriculum
            ? quantile < mix.CurriculumNumbered ? ArithmeticStyle.NumberedCompact : ArithmeticStyle.ShortRamble
            : mix.Pick(quantile);
        bool corrupted = !curriculum && ArithmeticSolutionWriter.IsCorrect(style)
            && CounterRandom.Uniform(seed, purpose, step, index, NoiseDraw, 0) < answerNoise;
        int? boxed = corrupted ? (problem.Answer + 1 + CounterRandom.Below(9, seed, purpose, step, index, NoiseDraw, 1)) % 10 : null;
        string response = _writer.Write(problem, style, boxed, (position, bound) => CounterRandom.Below(bound, seed, purpose, step, index, WordDraw, position));
        return new Solution(problem, style, corrupted, response);
    }
}
