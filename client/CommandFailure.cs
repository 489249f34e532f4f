namespace Ctwa.Client;

/// <summary>Ends a command with an exit code and a message for people; every other exception is a defect of the client.</summary>
/// <param name="exitCode">One of <see cref="ExitCodes"/>.</param>
/// <param name="message">What, the value, what is accepted, what to do; may have several lines.</param>
internal sealed class CommandFailure(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
