namespace Ctwa.Training.Steps;

/// <summary>One optimizer update as it was applied.</summary>
/// <param name="Norm">Norm of the combined gradient before clipping.</param>
/// <param name="ClipScale">Factor of the clipping, at most 1.</param>
/// <param name="LearningRate">Used.</param>
/// <param name="Products">⟨Δθ, g_m⟩ with each row that the update kept; empty if it kept none.</param>
internal sealed record AppliedUpdate(double Norm, double ClipScale, double LearningRate, double[] Products);

/// <summary>Sums over the optimizer updates of a step.</summary>
internal sealed class UpdateTotals
{
    private readonly List<AppliedUpdate> _applied = [];

    /// <summary>Updates applied.</summary>
    public int Count => _applied.Count;

    public UpdateSums Sums { get; private set; } = new();

    public IReadOnlyList<AppliedUpdate> Applied => _applied;

    public void Add(UpdateSums sums, AppliedUpdate applied)
    {
        Sums = Sums.Plus(sums);
        _applied.Add(applied);
    }
}
