using System.Security.Cryptography;
using System.Text;
using Orleans.Runtime;
using Orleans.Storage;

namespace Ctwa.Grains.Hosting;

/// <summary>
/// Grain state in files, for a silo that shares it with no other: one file per grain, replaced as a whole, with a tag by which
/// a writer that read an older state is refused.
/// </summary>
/// <param name="folder">Folder of the files; made when something is written.</param>
internal sealed class FileGrainStorage(string folder, IGrainStorageSerializer serializer) : IGrainStorage, IDisposable
{
    private const int TagLength = 32;
    private const long LargestBytes = 256L * 1024 * 1024;

    private readonly SemaphoreSlim _gate = new(1, 1);

    private static ReadOnlySpan<byte> Magic => "ctwa-state 1 "u8;

    private static int HeaderLength => Magic.Length + TagLength + 1;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ExclusiveAsync(() =>
    {
        string path = PathOf(stateName, grainId);
        var (tag, content) = Read(path);
        grainState.State = tag is null ? Activator.CreateInstance<T>() : Deserialize<T>(path, content);
        grainState.ETag = tag;
        grainState.RecordExists = tag is not null;
    });

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ExclusiveAsync(() =>
    {
        string path = PathOf(stateName, grainId);
        Compare(path, stateName, grainId, grainState.ETag);
        string tag = RandomNumberGenerator.GetHexString(TagLength, lowercase: true);
        byte[] content = [.. Magic, .. Encoding.ASCII.GetBytes(tag), (byte)'\n', .. serializer.Serialize(grainState.State).ToMemory().Span];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Ctwa.Training.Runs.AtomicFile.Write(path, content, durable: true);
        grainState.ETag = tag;
        grainState.RecordExists = true;
    });

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => ExclusiveAsync(() =>
    {
        string path = PathOf(stateName, grainId);
        Compare(path, stateName, grainId, grainState.ETag);
        File.Delete(path);
        grainState.ETag = null;
        grainState.RecordExists = false;
        grainState.State = Activator.CreateInstance<T>();
    });

    public void Dispose() => _gate.Dispose();

    /// <summary>The file of a grain. Whatever a key holds, it stays below the folder.</summary>
    internal string PathOf(string stateName, GrainId grainId) => Path.Combine(folder, Name(stateName), Name(grainId.ToString()) + ".state");

    // Letters, digits and dashes as they are, all else as %XX; long ones by their hash.
    private static string Name(string text)
    {
        var name = new StringBuilder();
        foreach (byte unit in Encoding.UTF8.GetBytes(text))
        {
            if (char.IsAsciiLetterOrDigit((char)unit) || unit is (byte)'-' or (byte)'_') { name.Append((char)unit); }
            else { name.Append('%').Append(unit.ToString("X2", System.Globalization.CultureInfo.InvariantCulture)); }
        }

        return name.Length is > 0 and <= 160 ? name.ToString() : "=" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    private static void Compare(string path, string stateName, GrainId grainId, string? expected)
    {
        if (Read(path).Tag is var stored && stored != expected) { throw new InconsistentStateException($"state '{stateName}' of {grainId} was changed by another activation.", stored ?? "none", expected ?? "none"); }
    }

    private static (string? Tag, byte[] Content) Read(string path)
    {
        byte[] bytes;
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists) { return (null, []); }
            if (file.Length > LargestBytes) { throw new InvalidDataException($"{path} has {file.Length} bytes; accepted are at most {LargestBytes}."); }
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return (null, []);
        }

        if (bytes.Length < HeaderLength || !bytes.AsSpan().StartsWith(Magic) || bytes[HeaderLength - 1] != '\n') { throw new InvalidDataException($"{path} is no state of a grain: it does not begin with 'ctwa-state 1'. Move it away to start without."); }
        return (Encoding.ASCII.GetString(bytes, Magic.Length, TagLength), bytes[HeaderLength..]);
    }

    private T Deserialize<T>(string path, byte[] content)
    {
        try { return serializer.Deserialize<T>(new BinaryData(content)) ?? throw new InvalidDataException("it holds nothing."); }
        catch (Exception wrong)
        {
            // Serializers have no common exception for bytes that they did not write.
            throw new InvalidDataException($"{path} is damaged: {wrong.Message} Move it away to start without.", wrong);
        }
    }

    private async Task ExclusiveAsync(Action action)
    {
        await _gate.WaitAsync();
        // Off the grain's turn: a slow disk must not hold up the scheduler.
        try { await Task.Run(action); }
        finally { _gate.Release(); }
    }
}
