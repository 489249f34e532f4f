using Ctwa.Client.Jobs;
using Ctwa.Client.Live;

namespace Ctwa.Client.Output;

/// <summary>Chooses how a run is shown.</summary>
internal static class Terminal
{
    /// <param name="output">Standard output of the command.</param>
    /// <param name="error">Its error stream.</param>
    /// <param name="run">The run.</param>
    /// <param name="plain">The user asked for plain lines.</param>
    /// <param name="json">The user asked for JSON: one document for each thing that happens.</param>
    public static IRunOutput Open(TextWriter output, TextWriter error, RunDirectory run, bool plain = false, bool json = false)
    {
        if (json) { return new JsonOutput(output); }
        var terminal = CleanWriter.Behind(output);
        bool live = !plain && ReferenceEquals(terminal, Console.Out) && IsLive(Console.IsOutputRedirected, Environment.GetEnvironmentVariable("TERM"));
        return live
            ? new LiveOutput(terminal, run, Glyphs.For(Environment.GetEnvironmentVariable), HasColor(Environment.GetEnvironmentVariable("NO_COLOR")), TerminalSize.Read)
            : new PlainOutput(output, error, run);
    }

    /// <summary>Live progress needs a terminal that moves its cursor.</summary>
    internal static bool IsLive(bool isRedirected, string? terminal) => !isRedirected && terminal is { Length: > 0 } and not "dumb";

    /// <summary>See https://no-color.org: whatever the value, if there is one.</summary>
    internal static bool HasColor(string? noColor) => string.IsNullOrEmpty(noColor);
}
