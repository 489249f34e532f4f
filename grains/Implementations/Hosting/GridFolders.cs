namespace Ctwa.Grains.Hosting;

/// <summary>Where this silo keeps things and where jobs may.</summary>
public sealed record GridFolders
{
    /// <summary>Folder of this silo's own records; null: it keeps none.</summary>
    public string? Data { get; init; }

    /// <summary>Folders below which jobs may read and write, absolute; empty: wherever the silo's user may.</summary>
    public IReadOnlyList<string> AllowedRoots { get; init; } = [];
}

/// <summary>The file that says who may call this grid; registered only where there is one.</summary>
/// <param name="Path">Absolute path.</param>
public sealed record GridTokensFile(string Path);

/// <summary>What all silos of a grid know and nobody else: proves membership where tensors travel. Registered only where there is one.</summary>
/// <param name="bytes">At least <see cref="LeastBytes"/>.</param>
public sealed class ClusterSecret(ReadOnlyMemory<byte> bytes)
{
    /// <summary>Shorter ones can be guessed.</summary>
    public const int LeastBytes = 16;

    /// <summary>The secret.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes.Length >= LeastBytes
        ? bytes
        : throw new ArgumentException($"has {bytes.Length} bytes; accepted are at least {LeastBytes}.", nameof(bytes));

    /// <summary>Never the secret.</summary>
    public override string ToString() => "(cluster secret)";
}
