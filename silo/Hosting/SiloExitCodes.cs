namespace Ctwa.Silo.Hosting;

/// <summary>What <c>ctwa-silo</c> tells whoever started it; docs/exit-codes.md is written for users of these.</summary>
internal static class SiloExitCodes
{
    /// <summary>It was asked to leave and did.</summary>
    public const int Success = 0;

    /// <summary>A defect.</summary>
    public const int InternalError = 1;

    /// <summary>Options.</summary>
    public const int BadInput = 2;

    /// <summary>The data folder cannot be used.</summary>
    public const int StorageFailed = 5;

    /// <summary>The Redis does not show the grid that is there: serving would split it.</summary>
    public const int SplitGrid = 20;

    /// <summary>The Redis did not answer when the silo started.</summary>
    public const int RedisUnreachable = 21;

    /// <summary>Another process listens on one of its ports.</summary>
    public const int PortTaken = 22;

    /// <summary>The grid has another secret.</summary>
    public const int WrongSecret = 23;

    /// <summary>The Kubernetes API did not let it see the grid's pods.</summary>
    public const int KubernetesRefused = 24;
}
