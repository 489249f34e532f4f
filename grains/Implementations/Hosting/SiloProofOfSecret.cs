using System.Security.Cryptography;
using System.Text;

namespace Ctwa.Grains.Hosting;

/// <summary>What a silo shows to coordinators: made of the grid's secret and its own address, so that it is of no use to another.</summary>
internal static class SiloProofOfSecret
{
    /// <param name="secret">The grid's; null: it has none.</param>
    /// <param name="address">The silo's parsable address.</param>
    public static string Of(ClusterSecret? secret, string address) =>
        secret is null ? "" : Convert.ToHexStringLower(HMACSHA256.HashData(secret.Bytes.Span, Encoding.UTF8.GetBytes("ctwa silo " + address)));

    /// <summary>Whether a silo that shows this has the secret; compared in constant time.</summary>
    public static bool IsRight(ClusterSecret? secret, string address, string proof) =>
        secret is null || CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Of(secret, address)), Encoding.UTF8.GetBytes(proof));
}
