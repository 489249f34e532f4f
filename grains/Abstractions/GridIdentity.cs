namespace Ctwa.Grains.Abstractions;

/// <summary>Names that a silo and its clients must agree on.</summary>
public static class GridIdentity
{
    /// <summary>Orleans service id.</summary>
    public const string ServiceId = "ctwa";

    /// <summary>Line that a silo prints on standard output when it serves.</summary>
    public const string ReadyLine = "ctwa-silo ready";

    /// <summary>Beginning of the line after it: <c>ctwa-silo ports silo=N gateway=N ... address=A</c>, fields divided by spaces, the silo's address in Orleans' parsable form.</summary>
    public const string PortsLine = "ctwa-silo ports";
}
