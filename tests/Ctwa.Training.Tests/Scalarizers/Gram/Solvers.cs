namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>All solvers by name, as functions of (G, preference).</summary>
internal static class Solvers
{
    public static readonly string[] Names = ["mgda", "pcgrad", "cagrad_0.5", "cagrad_1", "cagrad_2", "imtl_g", "nash_mtl", "fairgrad_2", "aligned_mtl", "upgrad", "dualproj"];

    public static double[] Solve(string name, double[,] gram, double[] preference) => name switch
    {
        "mgda" => MinNorm.Solve(gram),
        "pcgrad" => ConflictProjection.Solve(gram, preference, _ => [.. Enumerable.Range(0, preference.Length)]),
        "cagrad_0.5" => ConflictAverse.Solve(gram, preference, 0.5),
        "cagrad_1" => ConflictAverse.Solve(gram, preference, 1),
        "cagrad_2" => ConflictAverse.Solve(gram, preference, 2),
        "imtl_g" => EqualProjections.Solve(gram, preference),
        "nash_mtl" => Bargaining.Solve(gram, preference),
        "fairgrad_2" => Bargaining.Solve(gram, preference, 2),
        "aligned_mtl" => AlignedComponents.Solve(gram, preference),
        "upgrad" => DualCone.UPGrad(gram, preference),
        "dualproj" => DualCone.Project(gram, preference),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such solver"),
    };
}
