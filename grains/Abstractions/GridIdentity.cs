namespace Ctwa.Grains.Abstractions;

/// <summary>Names that a silo and its clients must agree on.</summary>
public static class GridIdentity
{
    /// <summary>Orleans service id.</summary>
    public const string ServiceId = "ctwa";

    /// <summary>Line that a silo prints on standard output when it serves.</summary>
    public const string ReadyLine = "ctwa-silo ready";
}
