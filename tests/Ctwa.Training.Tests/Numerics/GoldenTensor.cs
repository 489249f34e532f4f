using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Numerics;

/// <summary>Golden numbers as tensors, and comparisons within |a − b| ≤ absolute + relative · |b|.</summary>
internal static class GoldenTensor
{
    /// <summary>Type in which the reference computed a case.</summary>
    public static torch.ScalarType TypeOf(JsonElement @case) =>
        @case.TryGetProperty("dtype", out var type) && type.GetString() == "float64" ? torch.ScalarType.Float64 : torch.ScalarType.Float32;

    /// <summary>A nested list of numbers, where strings stand for NaN and infinities.</summary>
    public static Tensor Read(JsonElement list, torch.ScalarType type)
    {
        var values = new List<double>();
        var shape = new List<long>();
        Collect(list, 0);
        return torch.tensor(values.ToArray(), shape.ToArray(), dtype: torch.ScalarType.Float64).to(type);

        void Collect(JsonElement element, int depth)
        {
            if (element.ValueKind != JsonValueKind.Array)
            {
                values.Add(Number(element));
                return;
            }

            if (shape.Count == depth) { shape.Add(element.GetArrayLength()); }
            foreach (var child in element.EnumerateArray()) { Collect(child, depth + 1); }
        }
    }

    public static double Number(JsonElement element) =>
        element.ValueKind == JsonValueKind.String ? double.Parse(element.GetString()!, CultureInfo.InvariantCulture) : element.GetDouble();

    public static double[] ToArray(Tensor tensor)
    {
        using var host = tensor.detach().to(torch.ScalarType.Float64).cpu().contiguous();
        return MemoryMarshal.Cast<byte, double>(host.bytes).ToArray();
    }

    public static void AssertClose(JsonElement expected, Tensor actual, double absolute, double relative, string what)
    {
        using var wanted = Read(expected, torch.ScalarType.Float64);
        Assert.Equal(wanted.shape, actual.shape);
        double[] want = ToArray(wanted), got = ToArray(actual);
        for (int i = 0; i < want.Length; i++) { AssertClose(want[i], got[i], absolute, relative, $"{what}[{i}]"); }
    }

    public static void AssertClose(double expected, double actual, double absolute, double relative, string what)
    {
        bool close = double.IsNaN(expected) ? double.IsNaN(actual) : Math.Abs(expected - actual) <= absolute + (relative * Math.Abs(expected));
        Assert.True(close, string.Create(CultureInfo.InvariantCulture, $"{what}: expected {expected:R}, got {actual:R}."));
    }
}
