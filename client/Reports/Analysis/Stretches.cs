namespace Ctwa.Client.Reports.Analysis;

/// <summary>Steps divided into stretches of nearly equal numbers of steps, for heat maps and bars.</summary>
internal sealed class Stretches
{
    private readonly IReadOnlyList<int> steps;

    /// <param name="steps">Ascending.</param>
    /// <param name="most">Stretches that fit.</param>
    public Stretches(IReadOnlyList<int> steps, int most)
    {
        this.steps = steps;
        Count = Math.Min(steps.Count, most);
        From = [.. Enumerable.Range(0, Count).Select(s => steps[Start(s)])];
        To = [.. Enumerable.Range(0, Count).Select(s => steps[Start(s + 1) - 1])];
    }

    public int Count { get; }

    public int[] From { get; }

    public int[] To { get; }

    /// <summary>The stretch of a step, which is one of the steps.</summary>
    public int Of(int step)
    {
        int at = Array.BinarySearch(From, step);
        return at >= 0 ? at : ~at - 1;
    }

    private int Start(int stretch) => (int)((long)steps.Count * stretch / Count);
}
