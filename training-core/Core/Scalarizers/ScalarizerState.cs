namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Everything a method remembers from step to step: named vectors over the objectives. Part of every checkpoint;
/// keyed by the objectives' names, so that a resume with other names or another order is refused.
/// </summary>
public sealed record ScalarizerState
{
    /// <summary>Name of the method, as in the job file.</summary>
    public required string Method { get; init; }

    /// <summary>Version of the meaning of <see cref="Vectors"/>; a method refuses versions that it does not know.</summary>
    public required int Version { get; init; }

    /// <summary>Names of the objectives, in order.</summary>
    public required IReadOnlyList<string> Objectives { get; init; }

    /// <summary>Named vectors, usually of shape [M]; names are the method's own (log_weights, ema, ...).</summary>
    public required IReadOnlyDictionary<string, double[]> Vectors { get; init; }

    /// <summary>A vector by name.</summary>
    /// <exception cref="InvalidDataException">The state has no such vector: it belongs to another method or version.</exception>
    public double[] Vector(string name) => Vectors.TryGetValue(name, out double[]? value)
        ? value
        : throw new InvalidDataException($"scalarizer state of '{Method}' version {Version} has no vector '{name}'; it has: {string.Join(", ", Vectors.Keys)}.");

    /// <summary>The same state with some vectors replaced.</summary>
    public ScalarizerState With(params ReadOnlySpan<(string Name, double[] Value)> changes)
    {
        var vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal);
        foreach (var (name, value) in Vectors) { vectors[name] = value; }
        foreach (var (name, value) in changes) { vectors[name] = value; }
        return this with { Vectors = vectors };
    }

    /// <summary>Checks that this state belongs to the given method and objectives.</summary>
    /// <exception cref="InvalidDataException">Method, names or order differ.</exception>
    public void Require(string method, int version, IReadOnlyList<string> objectives)
    {
        if (Method != method || Version != version) { throw new InvalidDataException($"the checkpoint holds scalarizer state of '{Method}' version {Version}, the job wants '{method}' version {version}; resume with the job file of the run, or start a new run."); }
        if (!Objectives.SequenceEqual(objectives)) { throw new InvalidDataException($"the checkpoint's scalarizer state is for the objectives ({string.Join(", ", Objectives)}), the job has ({string.Join(", ", objectives)}); names and order must be equal."); }
    }
}
