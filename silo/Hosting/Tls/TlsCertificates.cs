using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ctwa.Grid.Tls;

/// <summary>Reads PEM files. Compiled into silo and client.</summary>
internal static class TlsCertificates
{
    /// <summary>The link that these files allow.</summary>
    /// <param name="certificate">Own certificate; null: none.</param>
    /// <param name="key">Its key; null: in the certificate's file.</param>
    /// <exception cref="FormatException">Which file is wrong, and why; never what is in it.</exception>
    public static TlsLink Load(string authority, string? certificate, string? key)
    {
        var root = Guard(authority, () => X509Certificate2.CreateFromPem(File.ReadAllText(authority)));
        if (certificate is null) { return new TlsLink(root, own: null); }
        var own = Guard(key is null ? certificate : $"{certificate} with the key {key}", () => X509Certificate2.CreateFromPemFile(certificate, key));
        if (own.NotAfter < DateTime.Now) { throw new FormatException(FormattableString.Invariant($"the certificate {certificate} ended on {own.NotAfter:yyyy-MM-dd}; put a new one in its place.")); }
        var intermediate = new X509Certificate2Collection();
        intermediate.ImportFromPemFile(certificate);
        return new TlsLink(root, SslStreamCertificateContext.Create(own, intermediate, offline: true));
    }

    private static X509Certificate2 Guard(string file, Func<X509Certificate2> read)
    {
        try { return read(); }
        catch (Exception wrong) when (wrong is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FormatException($"{file} is no certificate in PEM form that can be used: {wrong.Message}", wrong);
        }
    }
}
