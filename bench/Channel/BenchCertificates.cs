using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ctwa.Grains.Channel;

namespace Ctwa.Bench.Channel;

/// <summary>An authority of one benchmark's length and a certificate for each end.</summary>
internal static class BenchCertificates
{
    /// <returns>Two certificates with keys (PKCS 12) and their authority (DER), as base64.</returns>
    public static (string First, string Second, string Authority) Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ctwa bench", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        return (Issue(authority), Issue(authority), Convert.ToBase64String(authority.RawData));
    }

    public static TensorChannelTls Load(string certificate, string authority) =>
        new(X509CertificateLoader.LoadPkcs12(Convert.FromBase64String(certificate), null), X509CertificateLoader.LoadCertificate(Convert.FromBase64String(authority)));

    private static string Issue(X509Certificate2 authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=silo", key, HashAlgorithmName.SHA256);
        using var issued = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        using var whole = issued.CopyWithPrivateKey(key);
        return Convert.ToBase64String(whole.Export(X509ContentType.Pfx));
    }
}
