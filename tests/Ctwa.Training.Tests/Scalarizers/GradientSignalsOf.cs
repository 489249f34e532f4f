namespace Ctwa.Training.Scalarizers;

/// <summary>Short ways to write what gradient methods solve on.</summary>
internal static class GradientSignalsOf
{
    public static GradientSignals Gradients(double[,] gradients, double[]? losses = null, double[]? scores = null, double learningRate = 1e-6, int step = 1, int update = 0, IReadOnlyList<double[,]>? slices = null) =>
        Gram(GradientDiagnostics.Products(gradients, gradients), losses, scores, learningRate, step, update, slices);

    public static GradientSignals Gram(double[,] gram, double[]? losses = null, double[]? scores = null, double learningRate = 1e-6, int step = 1, int update = 0, IReadOnlyList<double[,]>? slices = null) => new()
    {
        Step = step, Update = update, Gram = gram, SliceGrams = slices ?? [gram], LearningRate = learningRate,
        Losses = losses ?? new double[gram.GetLength(0)], MeanScores = scores ?? new double[gram.GetLength(0)],
    };
}
