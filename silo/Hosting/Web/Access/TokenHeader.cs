using System.Buffers.Text;
using System.Text;

namespace Ctwa.Silo.Hosting.Web.Access;

/// <summary>Reads a token from an <c>Authorization</c> header: <c>Bearer TOKEN</c>, or <c>Basic</c> with the token as password, which browsers can ask for.</summary>
internal static class TokenHeader
{
    // A token has at most 256 characters; base64 and a user name make it longer.
    private const int LongestHeader = 2048;

    /// <returns>The token; null: there is none, or the header cannot be read.</returns>
    public static string? Read(string? authorization)
    {
        if (authorization is null or { Length: > LongestHeader }) { return null; }
        int space = authorization.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0) { return null; }
        string value = authorization[(space + 1)..].Trim();
        if (authorization.AsSpan(0, space).Equals("Bearer", StringComparison.OrdinalIgnoreCase)) { return value.Length == 0 ? null : value; }
        if (!authorization.AsSpan(0, space).Equals("Basic", StringComparison.OrdinalIgnoreCase) || !Base64.IsValid(value)) { return null; }
        string pair = Encoding.UTF8.GetString(Convert.FromBase64String(value));
        int colon = pair.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 || colon == pair.Length - 1 ? null : pair[(colon + 1)..];
    }
}
