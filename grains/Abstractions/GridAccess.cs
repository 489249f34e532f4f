namespace Ctwa.Grains.Abstractions;

/// <summary>What a client may do; each includes those before it.</summary>
public enum GridRole
{
    /// <summary>List and watch jobs.</summary>
    Read = 0,

    /// <summary>Submit jobs; pause, resume, cancel and reorder one's own.</summary>
    Submit = 1,

    /// <summary>Everything, jobs of others and the quota included.</summary>
    Admin = 2,
}

/// <summary>Names in the request context of calls.</summary>
public static class GridHeaders
{
    /// <summary>A client's token, as it was handed out.</summary>
    public const string Token = "ctwa-token";
}

/// <summary>A client may not do what it asked for. Nothing was done.</summary>
[GenerateSerializer, Alias("ctwa.GridAccessException")]
public sealed class GridAccessException : Exception
{
    public GridAccessException() { }
    public GridAccessException(string message) : base(message) { }
    public GridAccessException(string message, Exception inner) : base(message, inner) { }
}
