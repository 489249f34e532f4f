namespace Ctwa.Training.Scalarizers;

/// <summary>The ideal point z of a method: given, or the largest score of any training completion so far.</summary>
internal static class RunningIdeal
{
    /// <summary>Name of the vector that holds z; its "_known" is 0 before the first completion.</summary>
    public const string Ideal = "ideal";

    /// <summary>Vectors of the first state.</summary>
    /// <param name="fixedIdeal">Shape [M]; null: running.</param>
    public static IEnumerable<KeyValuePair<string, double[]>> Initial(double[]? fixedIdeal, int count) =>
        [new(Ideal, fixedIdeal is null ? new double[count] : [.. fixedIdeal]), new(Ideal + "_known", [fixedIdeal is null ? 0 : 1])];

    /// <summary>State whose z includes the step's valid completions; unchanged where z is given.</summary>
    public static ScalarizerState Next(StepSignals signals, ScalarizerState state, bool isFixed)
    {
        double[] point = [.. state.Vector(Ideal)];
        bool known = state.Vector(Ideal + "_known")[0] > 0;
        for (int b = 0; b < signals.Valid.Length && !isFixed; b++)
        {
            if (!signals.Valid[b]) { continue; }
            for (int j = 0; j < point.Length; j++) { point[j] = known ? Math.Max(point[j], signals.Scores[b, j]) : signals.Scores[b, j]; }
            known = true;
        }

        return state.With((Ideal, point), (Ideal + "_known", [known ? 1 : 0]));
    }
}
