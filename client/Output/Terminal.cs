using Ctwa.Client.Jobs;
using Spectre.Console;

namespace Ctwa.Client.Output;

/// <summary>Chooses how a run is shown.</summary>
internal static class Terminal
{
    public static IRunOutput Open(TextWriter output, TextWriter error, RunDirectory run)
    {
        bool live = ReferenceEquals(output, Console.Out)
            && IsLive(Console.IsOutputRedirected, Environment.GetEnvironmentVariable("NO_COLOR"), Environment.GetEnvironmentVariable("TERM"))
            && AnsiConsole.Console.Profile.Capabilities is { Ansi: true, Interactive: true };
        return live ? new LiveOutput(AnsiConsole.Console, run) : new PlainOutput(output, error, run);
    }

    /// <summary>Live progress needs a terminal that moves its cursor, and a user who did not ask for plain text (https://no-color.org).</summary>
    internal static bool IsLive(bool isRedirected, string? noColor, string? terminal) =>
        !isRedirected && string.IsNullOrEmpty(noColor) && terminal is { Length: > 0 } and not "dumb";
}
