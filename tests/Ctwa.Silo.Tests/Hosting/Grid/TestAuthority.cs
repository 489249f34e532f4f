using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ctwa.Silo.Tests.Hosting.Grid;

/// <summary>An authority with one certificate of it, as PEM files of a folder.</summary>
internal sealed class TestAuthority
{
    public TestAuthority(string folder, string name)
    {
        Authority = Path.Combine(folder, name + "-ca.pem");
        Certificate = Path.Combine(folder, name + ".pem");
        Key = Path.Combine(folder, name + ".key");
        var now = DateTimeOffset.UtcNow;
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest($"CN={name}-ca", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        using var root = rootRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(10));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var leaf = request.Create(root, now.AddDays(-1), now.AddDays(9), [1, 2, 3, 4]);
        File.WriteAllText(Authority, root.ExportCertificatePem());
        File.WriteAllText(Certificate, leaf.ExportCertificatePem());
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
    }

    public string Authority { get; }

    public string Certificate { get; }

    public string Key { get; }

    /// <summary>The options of a silo.</summary>
    public string[] Options => ["--tls-certificate", Certificate, "--tls-key", Key, "--tls-ca", Authority];
}
