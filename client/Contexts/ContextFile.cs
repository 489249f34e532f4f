using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ctwa.Client.Contexts;

/// <summary>The file with a user's contexts. Only its owner may read or write it; it holds no secret.</summary>
internal sealed class ContextFile(string path)
{
    private const int MostBytes = 1 << 20;

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
        MaxDepth = 8,
    };

    public string FullPath => path;

    /// <summary><c>$XDG_CONFIG_HOME/ctwa/contexts.json</c>, or below <c>~/.config</c>; null: this user has no home.</summary>
    /// <param name="environment">Reads variables.</param>
    public static ContextFile? Find(Func<string, string?> environment)
    {
        // The specification: a path that is not absolute counts as none.
        string? folder = environment("XDG_CONFIG_HOME") is { } set && Path.IsPathRooted(set) ? set
            : environment("HOME") is { Length: > 0 } home ? Path.Combine(home, ".config")
            : null;
        return folder is null ? null : new ContextFile(Path.Combine(folder, "ctwa", "contexts.json"));
    }

    /// <summary>Its contexts; none, if there is no file.</summary>
    /// <exception cref="CommandFailure">It cannot be read, is no list of contexts, or others may write it.</exception>
    public ContextBook Load()
    {
        try
        {
            if (!File.Exists(path)) { return new ContextBook(); }
            // Whoever can write it can send this user's token to a grid of their own.
            if ((PrivateFiles.ModeOf(path) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) is > 0) { throw Wrong($"others may write it; make it yours alone: chmod 600 {path}"); }
            if (new FileInfo(path).Length > MostBytes) { throw Wrong($"it has more than {MostBytes} bytes"); }
            var book = JsonSerializer.Deserialize<ContextBook>(File.ReadAllBytes(path), s_json) ?? throw Wrong("it is empty");
            if (book.Version != 1) { throw Wrong(FormattableString.Invariant($"its version is {book.Version}, and this ctwa reads 1")); }
            string? bad = book.Contexts.Keys.FirstOrDefault(name => !GridContext.IsName(name)) ?? book.Contexts.FirstOrDefault(one => one.Value is null).Key;
            return bad is null ? book : throw Wrong($"it has a context '{bad}'; accepted are names of {GridContext.NameForm}, each with an object");
        }
        catch (JsonException broken)
        {
            throw Wrong(broken.Message.TrimEnd('.'));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"cannot read {path}: {e.Message}");
        }
    }

    /// <summary>Replaces the file as a whole.</summary>
    /// <exception cref="CommandFailure">It cannot be written.</exception>
    public void Save(ContextBook book)
    {
        string temporary = FormattableString.Invariant($"{path}.{Environment.ProcessId}.tmp");
        try
        {
            PrivateFiles.CreateFolder(Path.GetDirectoryName(path)!);
            using (var file = PrivateFiles.Create(temporary))
            {
                JsonSerializer.Serialize(file, book, s_json);
                file.WriteByte((byte)'\n');
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"cannot write {path}: {e.Message}");
        }
        finally
        {
            try { File.Delete(temporary); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { /* It is not there, or nothing can be done. */ }
        }
    }

    private CommandFailure Wrong(string what) => new(ExitCodes.BadInput, $"the file of contexts, {path}, cannot be used: {what}. Repair it, or remove it and add your contexts again.");
}
