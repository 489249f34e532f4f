using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ctwa.Grains.Channel;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>An authority made for a test, and certificates that it issues.</summary>
internal sealed class TestCertificates : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _authority;

    public TestCertificates()
    {
        var request = new CertificateRequest("CN=test authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
    }

    /// <summary>What a silo of this authority's grid has.</summary>
    public TensorChannelTls Silo()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=silo", key, HashAlgorithmName.SHA256);
        using var issued = request.Create(_authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        using var withKey = issued.CopyWithPrivateKey(key);
        return new TensorChannelTls(X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pfx), null), X509CertificateLoader.LoadCertificate(_authority.RawData));
    }

    public void Dispose()
    {
        _authority.Dispose();
        _key.Dispose();
    }
}
