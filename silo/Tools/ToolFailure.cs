namespace Ctwa.Silo.Tools;

/// <summary>Ends a tool with an exit code and a message for people; every other exception is a defect of ctwa.</summary>
/// <param name="exitCode">One of <see cref="ToolExitCodes"/>.</param>
/// <param name="message">What, the value, what is accepted, what to do; may have several lines.</param>
internal sealed class ToolFailure(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>Those of <c>ctwa</c>, which hands them on; see docs/exit-codes.md.</summary>
internal static class ToolExitCodes
{
    public const int Success = 0;
    public const int InternalError = 1;
    public const int BadInput = 2;
    public const int RewardFailed = 3;
    public const int StorageFailed = 5;
    public const int Interrupted = 130;
}
