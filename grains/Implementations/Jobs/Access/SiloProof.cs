using System.Security.Cryptography;
using Ctwa.Grains.Coordination;
using Ctwa.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;

namespace Ctwa.Grains.Jobs.Access;

/// <summary>
/// What shows that a call comes from a silo. Nothing that Orleans says about a call's origin would do: the sender writes it
/// itself. So silos add a value that is made of the cluster's secret, which no client knows, and that never goes to one.
/// </summary>
internal sealed class SiloProof
{
    /// <summary>In the request context of calls between silos.</summary>
    public const string Header = "ctwa-silo";

    private readonly byte[] _value;

    /// <exception cref="InvalidOperationException">Several silos, but no secret that they could share.</exception>
    public SiloProof(IServiceProvider services)
    {
        var secret = services.GetService<ClusterSecret>();
        if (secret is null && services.GetService<IEpochSource>() is not null) { throw new InvalidOperationException("the file of tokens needs the cluster's secret as well: without it, silos could not tell each other from clients. Give the same --secret-file to every silo."); }
        // One silo alone needs no more than itself to know the value.
        byte[] key = secret?.Bytes.ToArray() ?? RandomNumberGenerator.GetBytes(32);
        _value = HMACSHA256.HashData(key, "ctwa call between silos"u8);
    }

    /// <summary>Whether the present call carries it.</summary>
    public bool IsPresent => RequestContext.Get(Header) is byte[] given && CryptographicOperations.FixedTimeEquals(given, _value);

    /// <summary>Adds it to the call that is being made.</summary>
    public void Add() => RequestContext.Set(Header, _value);
}
