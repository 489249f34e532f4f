using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Commands;

/// <summary>
/// Verbs that the silo's executable carries out, since they need models, tokenizers or data readers, and the client has none.
/// Their arguments, help included, are handed on as they are.
/// </summary>
internal static class ForwardedVerbs
{
    /// <summary>Name and description of each.</summary>
    public static IReadOnlyList<(string Name, string Description)> All { get; } =
    [
        ("data", "Prepare public data sets for training, and look into data files."),
        ("eval", "Score a model on held-out prompts, or compare it with another."),
        ("generate", "Let a model answer: a prompt, a file of prompts, or a conversation in the terminal."),
        ("model", "Inspect, create and export model folders."),
    ];

    /// <summary>The verbs as the help of <c>ctwa</c> lists them.</summary>
    public static IEnumerable<Command> Commands() => All.Select(verb => new Command(verb.Name, verb.Description));

    /// <summary>These arguments are the silo's business.</summary>
    public static bool Handles(string[] arguments) => arguments.Length > 0 && All.Any(verb => verb.Name == arguments[0]);

    /// <summary>Runs the silo's executable with these arguments; its exit code is the command's.</summary>
    /// <exception cref="CommandFailure">There is no silo, or it cannot be started.</exception>
    public static async Task<int> RunAsync(string[] arguments, TextWriter output, TextWriter error)
    {
        var silo = SiloCommand.Find();
        // On a terminal the child has it for itself: it shows progress, reads prompts and sees Ctrl-C as the whole group does.
        bool direct = ReferenceEquals(output, Console.Out) && ReferenceEquals(error, Console.Error);
        var start = new ProcessStartInfo(silo.FileName, [.. silo.Prefix, "tool", .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = !direct,
            RedirectStandardError = !direct,
        };
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using var process = Start(silo, start);
        if (!direct)
        {
            await Task.WhenAll(CopyAsync(process.StandardOutput, output), CopyAsync(process.StandardError, error));
        }

        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private static Process Start(SiloCommand silo, ProcessStartInfo start)
    {
        try { return Process.Start(start)!; }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CommandFailure(ExitCodes.SiloLost, $"cannot start {silo.Program}: {e.Message}. Check that it is executable, or set {SiloCommand.Variable}.");
        }
    }

    private static async Task CopyAsync(StreamReader reader, TextWriter writer)
    {
        char[] buffer = new char[4096];
        for (int count; (count = await reader.ReadAsync(buffer)) > 0;) { await writer.WriteAsync(buffer.AsMemory(0, count)); }
    }
}
