using System.Globalization;

namespace Ctwa.Client.Comparison;

/// <summary>A range of values on a range of pixels, with round ticks.</summary>
internal sealed record Axis(double Low, double High, double Left, double Right)
{
    /// <summary>Ticks at round values within the range, at most about five.</summary>
    public IReadOnlyList<double> Ticks
    {
        get
        {
            double step = StepOf((High - Low) / 4);
            var ticks = new List<double>();
            for (double tick = Math.Ceiling(Low / step - 1e-9) * step; tick <= High + step * 1e-9; tick += step) { ticks.Add(Math.Abs(tick) < step * 1e-9 ? 0 : tick); }
            return ticks;
        }
    }

    /// <summary>An axis over some values and 0, widened to round numbers.</summary>
    public static Axis Over(IEnumerable<double> values, double left, double right)
    {
        double[] all = [0, .. values.Where(double.IsFinite)];
        double low = all.Min(), high = all.Max();
        if (high - low < 1e-9) { high = low + 1; }
        double step = StepOf((high - low) / 4);
        return new Axis(Math.Floor(low / step + 1e-9) * step, Math.Ceiling(high / step - 1e-9) * step, left, right);
    }

    public double At(double value) => Left + (Math.Clamp(value, Low, High) - Low) / (High - Low) * (Right - Left);

    /// <summary>A tick's label: <c>0.5</c>, <c>400</c>, <c>12k</c>.</summary>
    public static string Label(double tick) => Math.Abs(tick) >= 10_000
        ? (tick / 1000).ToString("0.#", CultureInfo.InvariantCulture) + "k"
        : tick.ToString("0.##", CultureInfo.InvariantCulture);

    // 1, 2 or 5 times a power of ten, the smallest that is not below.
    private static double StepOf(double least)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return new[] { 1.0, 2, 5, 10 }.First(factor => factor * power >= least * (1 - 1e-9)) * power;
    }
}
