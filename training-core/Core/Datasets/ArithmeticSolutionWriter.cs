using System.Globalization;
using System.Text;

namespace Ctwa.Training.Datasets;

/// <summary>Writes a problem's solution in a style. Every solution ends in <c>\boxed{digit}</c>.</summary>
/// <param name="mix">Lengths of the styles.</param>
internal sealed class ArithmeticSolutionWriter(ArithmeticStyleMix mix)
{
    /// <summary>A whole number in [0, bound) for a choice of words; the position says which choice.</summary>
    public delegate int Choice(int position, int bound);

    /// <summary>Whether a style boxes the last value of the chain, so that it is right unless noise replaces the answer.</summary>
    public static bool IsCorrect(ArithmeticStyle style) =>
        style is ArithmeticStyle.Ramble or ArithmeticStyle.NumberedLong or ArithmeticStyle.NumberedCompact or ArithmeticStyle.ShortRamble;

    /// <summary>The solution text.</summary>
    /// <param name="problem">Problem to solve.</param>
    /// <param name="style">How it is written.</param>
    /// <param name="boxed">Digit to box instead of the style's own; null: the style's own.</param>
    /// <param name="choose">Source of choices; the text is a pure function of the arguments and its answers.</param>
    public string Write(ArithmeticProblem problem, ArithmeticStyle style, int? boxed, Choice choose)
    {
        int steps = problem.Operations.Count;
        int written = style switch
        {
            ArithmeticStyle.FormatOnly or ArithmeticStyle.BareBox => 0,
            ArithmeticStyle.StopsEarly => StepsBeforeStop(steps, choose),
            _ => steps,
        };
        var text = new StringBuilder();
        if (style == ArithmeticStyle.FormatOnly)
        {
            for (int line = 0; line < 2; line++) { text.Append(LineNumber(line)).Append(ArithmeticVocabulary.Sum); }
        }

        // Choices are numbered: 0 is the early stop's, and each step has a block of its own.
        for (int step = 0; step < written; step++)
        {
            int position = (step + 1) * (2 + mix.MaxFillers);
            text.Append(Opening(style, step, choose, position));
            if (style is ArithmeticStyle.Ramble or ArithmeticStyle.NumberedLong) { AppendFillers(text, choose, position + 1); }
            text.Append(problem.Equation(step));
        }

        // The shortcuts box the first operation's value, not a guess: it is easily learned and, by the choice of problems, never right.
        int own = problem.Values[written == 0 ? 1 : written];
        if (text.Length > 0) { text.Append('\n'); }
        return text.Append(ArithmeticVocabulary.Box).Append((boxed ?? own).ToString(CultureInfo.InvariantCulture)).Append('}').ToString();
    }

    private static string Opening(ArithmeticStyle style, int step, Choice choose, int position) => style switch
    {
        ArithmeticStyle.NumberedLong or ArithmeticStyle.NumberedCompact or ArithmeticStyle.StopsEarly => LineNumber(step),
        _ when step == 0 => "",
        _ => choose(position, 2) == 0 ? ArithmeticVocabulary.And : ArithmeticVocabulary.So,
    };

    private static string LineNumber(int line) => line < ArithmeticVocabulary.LineNumbers.Count
        ? ArithmeticVocabulary.LineNumbers[line]
        : string.Create(CultureInfo.InvariantCulture, $"\n{line + 1}. ");

    private void AppendFillers(StringBuilder text, Choice choose, int position)
    {
        var fillers = ArithmeticVocabulary.Fillers;
        int count = mix.MinFillers + choose(position, mix.MaxFillers - mix.MinFillers + 1);
        int last = -1;
        for (int i = 1; i <= count; i++)
        {
            // No word twice in a row: choose among the others by stepping over the last one.
            int pick = last < 0 ? choose(position + i, fillers.Count) : (last + 1 + choose(position + i, fillers.Count - 1)) % fillers.Count;
            text.Append(fillers[pick]);
            last = pick;
        }
    }

    private int StepsBeforeStop(int steps, Choice choose)
    {
        // Two lines must be left where the chain allows it: one numbered line does not count as clear.
        bool two = steps >= 4 && choose(0, 1_000_000) < mix.StopsTwoEarly * 1_000_000;
        return Math.Max(1, steps - (two ? 2 : 1));
    }
}
