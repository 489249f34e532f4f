using System.Text.Json;
using Ctwa.Training.Tests.Numerics;

namespace Ctwa.Training.Scalarizers;

/// <summary>Golden numbers as arrays.</summary>
internal static class GoldenNumbers
{
    public static double[] Row(JsonElement row) => [.. row.EnumerateArray().Select(GoldenTensor.Number)];

    public static double[,] Matrix(JsonElement rows)
    {
        double[][] jagged = [.. rows.EnumerateArray().Select(Row)];
        var matrix = new double[jagged.Length, jagged[0].Length];
        for (int i = 0; i < jagged.Length; i++)
        {
            for (int j = 0; j < jagged[i].Length; j++) { matrix[i, j] = jagged[i][j]; }
        }

        return matrix;
    }

    public static string Name(JsonElement item) => item.GetProperty("name").GetString()!;

    public static bool IsFloat64(JsonElement item) => item.TryGetProperty("dtype", out var type) && type.GetString() == "float64";

    public static void AssertClose(double[] expected, double[] actual, double absolute, double relative, string what)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            // Infinities are equal or not.
            if (double.IsInfinity(expected[i])) { Xunit.Assert.Equal(expected[i], actual[i]); continue; }
            GoldenTensor.AssertClose(expected[i], actual[i], absolute, relative, $"{what}[{i}]");
        }
    }
}
