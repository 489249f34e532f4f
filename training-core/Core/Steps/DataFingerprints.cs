using System.Security.Cryptography;
using System.Text.Json;
using Ctwa.Training.Datasets;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>What a data file held when a run read it.</summary>
/// <param name="Key">The job's key of the source: <c>data.train</c>.</param>
/// <param name="Path">The file, for messages: a file may move.</param>
/// <param name="Rows">Rows that the job uses.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Sha256">SHA-256 of the file's bytes, in hexadecimal.</param>
public sealed record DataFingerprint(string Key, string Path, long Rows, long Bytes, string Sha256)
{
    /// <summary>Reads the file once.</summary>
    /// <exception cref="DatasetException">It cannot be read.</exception>
    public static DataFingerprint Of(string key, string path, long rows)
    {
        try
        {
            using var stream = DataFile.Open(path);
            return new DataFingerprint(key, path, rows, stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
        }
        catch (IOException e)
        {
            throw new DatasetException($"data file '{path}' cannot be read: {e.Message}", e);
        }
    }
}

/// <summary>
/// The contents of the data files that a run began with, kept in the run directory and in every checkpoint as <c>data.json</c>. The
/// cursor counts places in an order over the rows: over other rows it would skip some and repeat others.
/// </summary>
internal static class DataFingerprints
{
    private const string FileName = "data.json";

    /// <summary>Adds <c>data.json</c> to a folder.</summary>
    public static void WriteTo(string folder, IReadOnlyList<DataFingerprint> files) =>
        AtomicFile.Write(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(files, StateJson.Options), durable: true);

    /// <summary>Compares with the files that a run directory or checkpoint records; one without a record (of an earlier version) is not refused.</summary>
    /// <exception cref="JobInputException">A file holds something else now.</exception>
    public static void Check(string folder, IReadOnlyList<DataFingerprint> now)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) { return; }
        List<DataFingerprint>? then;
        try
        {
            then = JsonSerializer.Deserialize<List<DataFingerprint>>(File.ReadAllBytes(path), StateJson.Options);
        }
        catch (JsonException e)
        {
            throw new RunDirectoryException($"'{path}' is damaged: {e.Message} Restore it; without it nobody can tell whether the run's data is still the same.", e);
        }

        var changed = now.Join(then ?? [], file => file.Key, file => file.Key, (here, there) => (Here: here, There: there)).Where(pair => pair.Here.Sha256 != pair.There.Sha256).ToList();
        if (changed.Count == 0) { return; }
        string list = string.Join("; ", changed.Select(pair => $"{pair.Here.Key} '{pair.Here.Path}' has {pair.Here.Rows} rows, {pair.Here.Bytes} bytes, SHA-256 {pair.Here.Sha256[..16]}..., but had {pair.There.Rows} rows, {pair.There.Bytes} bytes, SHA-256 {pair.There.Sha256[..Math.Min(16, pair.There.Sha256.Length)]}...{(pair.Here.Path == pair.There.Path ? "" : $" (then '{pair.There.Path}')")}"));
        throw new JobInputException($"the run cannot be resumed with other data than it began with: {list}. A resumed run would skip some rows and repeat others. Put the original file back, or start a new run with the changed one.");
    }
}
