namespace Ctwa.Silo.Hosting;

/// <summary>Ends the silo with an exit code and a message for people; every other exception is a defect.</summary>
/// <param name="exitCode">One of <see cref="SiloExitCodes"/>.</param>
/// <param name="message">What, the value, what is accepted, what to do.</param>
internal sealed class SiloFailure(int exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    public int ExitCode { get; } = exitCode;
}
