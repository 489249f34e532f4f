using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs.Access;

/// <summary>
/// Who may call: <c>{"tokens": [{"name": "alice", "role": "submit", "sha256": "..."}]}</c>. Only hashes of tokens are in the
/// file: who reads it cannot use it.
/// </summary>
internal sealed class TokenTable
{
    private const int MostBytes = 1 << 20;
    private const int LongestToken = 256;
    private const int LongestName = 64;

    private readonly (byte[] Hash, GridCaller Caller)[] _entries;

    private TokenTable((byte[], GridCaller)[] entries) => _entries = entries;

    public int Count => _entries.Length;

    /// <exception cref="InvalidDataException">It is no list of tokens; the message names the file and the entry.</exception>
    public static TokenTable Read(string path)
    {
        if (new FileInfo(path) is { Length: > MostBytes } file) { throw new InvalidDataException($"{path} has {file.Length} bytes; accepted are at most {MostBytes}."); }
        return Parse(path, File.ReadAllBytes(path));
    }

    /// <inheritdoc cref="Read"/>
    public static TokenTable Parse(string path, ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || root.EnumerateObject().ToArray() is not [{ Name: "tokens", Value: { ValueKind: JsonValueKind.Array } list }]) { throw Wrong(path, "", "expected is {\"tokens\": [...]} and nothing else"); }
            var entries = new List<(byte[], GridCaller)>();
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (i, item) in list.EnumerateArray().Index())
            {
                string place = FormattableString.Invariant($"tokens[{i}]");
                if (item.ValueKind != JsonValueKind.Object) { throw Wrong(path, place, $"is {item.ValueKind}; expected is an object with name, role and sha256"); }
                foreach (var property in item.EnumerateObject())
                {
                    if (property.Name is not ("name" or "role" or "sha256")) { throw Wrong(path, place, $"has the key '{Shown(property.Name)}'; known are name, role and sha256"); }
                }

                string name = Text(path, item, place, "name"), role = Text(path, item, place, "role"), hash = Text(path, item, place, "sha256");
                if (name.Length is 0 or > LongestName || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '@')) { throw Wrong(path, place + ".name", $"is '{Shown(name)}'; accepted are up to {LongestName} letters, digits, '.', '_', '-' and '@'"); }
                GridRole known = role switch { "read" => GridRole.Read, "submit" => GridRole.Submit, "admin" => GridRole.Admin, _ => throw Wrong(path, place + ".role", $"is '{Shown(role)}'; accepted are read, submit and admin") };
                if (hash.Length != 64 || !hash.All(char.IsAsciiHexDigit)) { throw Wrong(path, place + ".sha256", $"has {hash.Length} characters; expected are the 64 hexadecimal digits of the token's SHA-256"); }
                if (!seen.Add(hash.ToLowerInvariant())) { throw Wrong(path, place + ".sha256", "stands twice; each token has one entry"); }
                entries.Add((Convert.FromHexString(hash), new GridCaller(name, known)));
            }

            return new TokenTable([.. entries]);
        }
        catch (JsonException broken)
        {
            throw new InvalidDataException(FormattableString.Invariant($"{path}({(broken.LineNumber ?? 0) + 1},{(broken.BytePositionInLine ?? 0) + 1}): is not JSON: {broken.Message}"), broken);
        }
        catch (InvalidOperationException broken)
        {
            // Texts that are no Unicode: an escaped half of a surrogate pair.
            throw new InvalidDataException($"{path}: {broken.Message}", broken);
        }
    }

    /// <summary>Whose token it is; null: nobody's. Takes the same time wherever it stands, and whatever it has in common with others.</summary>
    public GridCaller? Find(string token)
    {
        if (token.Length is 0 or > LongestToken) { return null; }
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(token));
        GridCaller? found = null;
        foreach (var (known, caller) in _entries)
        {
            if (CryptographicOperations.FixedTimeEquals(hash, known)) { found = caller; }
        }

        return found;
    }

    private static string Text(string path, JsonElement item, string place, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(path, $"{place}.{name}", "is missing or no text");

    private static string Shown(string text) => text.Length <= 64 ? text : text[..64] + "...";

    private static InvalidDataException Wrong(string path, string place, string message) => new($"{path}: {(place.Length == 0 ? "" : place + " ")}{message}.");
}
