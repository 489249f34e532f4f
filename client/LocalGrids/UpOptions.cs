using System.Globalization;
using System.Text.RegularExpressions;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.LocalGrids;

/// <summary>What the user asked <c>ctwa up</c> for.</summary>
internal sealed partial record UpOptions
{
    /// <summary>Most silos that one machine is asked to start.</summary>
    public const int MostSilos = 64;

    private static readonly string[] s_manyGpus = ["cuda", "cuda:all"];

    public int Silos { get; init; } = 1;

    /// <summary>The Redis to use, as the user wrote it; null: start one, if there are several silos.</summary>
    public string? Redis { get; init; }

    /// <summary>File with its password.</summary>
    public string? RedisPasswordFile { get; init; }

    /// <summary>Name of the grid.</summary>
    public string ClusterId { get; init; } = "ctwa";

    /// <summary>Folder of logs and records.</summary>
    public string Data { get; init; } = "grid";

    /// <summary>Compute lanes of each silo.</summary>
    public int Lanes { get; init; } = 1;

    /// <summary>Where models compute: one device for all, or one for each silo.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Seconds that silos wait for their work when the grid is ended.</summary>
    public int DrainTimeout { get; init; } = 15;

    /// <summary>The command line that asks for the same.</summary>
    public IEnumerable<string> Arguments() =>
    [
        "--silos", Silos.ToString(CultureInfo.InvariantCulture), "--cluster-id", ClusterId, "--data", Data, "--lanes", Lanes.ToString(CultureInfo.InvariantCulture),
        "--device", Device, "--drain-timeout", DrainTimeout.ToString(CultureInfo.InvariantCulture),
        .. Redis is null ? (string[])[] : ["--redis", Redis],
        .. RedisPasswordFile is null ? (string[])[] : ["--redis-password-file", RedisPasswordFile],
    ];

    /// <summary>Contradictions and mistakes, one message each.</summary>
    public IEnumerable<string> Errors()
    {
        if (Silos is < 1 or > MostSilos) { yield return FormattableString.Invariant($"--silos is {Silos}; accepted is 1 to {MostSilos}."); }
        if (Lanes is < 1 or > 1024) { yield return FormattableString.Invariant($"--lanes is {Lanes}; accepted is 1 to 1024."); }
        if (DrainTimeout is < 0 or > 86400) { yield return FormattableString.Invariant($"--drain-timeout is {DrainTimeout}; accepted is 0 to 86400 seconds."); }
        if (!Name().IsMatch(ClusterId)) { yield return $"--cluster-id is '{ClusterId}'; accepted are up to 64 letters, digits, dots, underscores and dashes."; }
        if (!DeviceName().IsMatch(Device)) { yield return $"--device is '{Device}'; accepted are auto, cpu, cuda, cuda:N, cuda:all, or one for each silo as cuda:0,cuda:1."; }
        else if (Device.Split(',').Length is > 1 and var devices && devices != Silos) { yield return FormattableString.Invariant($"--device names {devices} devices for {Silos} silos; name one for each, or one for all."); }
        if (RedisPasswordFile is not null && Redis is null) { yield return "--redis-password-file goes with --redis; the one that is started here has no password and listens on loopback only."; }
        if (RedisError() is { } wrong) { yield return $"--redis {wrong}"; }
    }

    /// <summary>The device of a silo.</summary>
    /// <param name="silo">From 0.</param>
    public string DeviceOf(int silo) => Silos > 1 && s_manyGpus.Contains(Device) ? FormattableString.Invariant($"cuda:{silo}")
        : Device.Split(',') is { Length: > 1 } each ? each[silo]
        : Device;

    private string? RedisError()
    {
        try
        {
            if (Redis is not null) { _ = RedisEndpoint.Parse(Redis); }
            return null;
        }
        catch (FormatException wrong)
        {
            return wrong.Message;
        }
    }

    [GeneratedRegex("^[A-Za-z0-9._-]{1,64}$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex("^(auto|cpu|cuda(:all)?|cuda:[0-9]{1,3}(,cuda:[0-9]{1,3})*)$", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceName();
}
