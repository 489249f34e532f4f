using System.Text.Json;
using System.Text.Json.Serialization;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.LocalGrids;

/// <summary>What a running <c>ctwa up</c> leaves in its folder, so that <c>ctwa down</c> finds it: the process that holds silos and Redis.</summary>
internal sealed record GridRecord
{
    private const string FileName = "up.json";
    private const string LockName = "up.lock";
    private const int MostBytes = 64 * 1024;

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, WriteIndented = true, MaxDepth = 4 };

    public required ProcessIdentity Process { get; init; }

    public required int Silos { get; init; }

    public required string ClusterId { get; init; }

    public required int DrainTimeout { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>Options by which clients find the grid; null: it does not serve yet.</summary>
    public string? Where { get; init; }

    /// <summary>Address of the first silo's status page; null: it does not serve yet.</summary>
    public string? StatusPage { get; init; }

    /// <summary>Takes possession of a folder for as long as the result lives.</summary>
    /// <exception cref="CommandFailure">Another grid runs from it, or it cannot be written.</exception>
    public static FileStream Claim(string folder, string shown)
    {
        try
        {
            return new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Read(folder) is { Process: { IsRunning: true } running }
                ? new CommandFailure(ExitCodes.StorageFailed, FormattableString.Invariant($"a grid runs from {shown} already (process {running.Id}). End it with: ctwa down --data {shown}; or choose another --data."))
                : new CommandFailure(ExitCodes.StorageFailed, $"--data {shown} cannot be used: {e.Message}");
        }
    }

    /// <summary>The record of a folder; null: there is none that can be read.</summary>
    public static GridRecord? Read(string folder)
    {
        try
        {
            string path = Path.Combine(folder, FileName);
            return new FileInfo(path) is { Exists: true, Length: <= MostBytes } ? JsonSerializer.Deserialize<GridRecord>(File.ReadAllBytes(path), s_json) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes it as a whole.</summary>
    public void Write(string folder)
    {
        string path = Path.Combine(folder, FileName), temporary = path + ".tmp";
        try
        {
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(this, s_json));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"cannot write {path}: {e.Message}");
        }
    }

    /// <summary>Removes it.</summary>
    public static void Remove(string folder)
    {
        try { File.Delete(Path.Combine(folder, FileName)); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { /* Its process is gone, which is what counts. */ }
    }
}
