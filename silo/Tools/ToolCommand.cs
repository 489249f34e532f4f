using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Globalization;
using Ctwa.Client.Commands;
using Ctwa.Client.Shell;

namespace Ctwa.Silo.Tools;

/// <summary>
/// The verbs of <c>ctwa</c> that need what only the silo has: models, tokenizers, data readers. The client starts this
/// executable with <c>tool VERB ...</c> and hands on its exit code. One folder per verb beside this file.
/// </summary>
internal static class ToolCommand
{
    /// <summary>First argument that chooses the tools instead of a silo.</summary>
    public const string Word = "tool";

    /// <summary>The verbs. Each is known to the client by name and description in its <c>ForwardedVerbs</c>.</summary>
    private static readonly Func<Command>[] verbs =
    [
        Data.DataCommand.Create,
        Evaluation.EvalCommand.Create,
        Generation.GenerateCommand.Create,
        Models.ModelCommand.Create,
    ];

    /// <summary>Verbs for programs only: the client's doctor and its completion of command lines.</summary>
    private static readonly Func<Command>[] hidden = [Probe.ProbeCommand.Create];


    public static Task<int> InvokeAsync(string[] arguments) => InvokeAsync(arguments, Console.Out, Console.Error);

    /// <returns>One of <see cref="ToolExitCodes"/>.</returns>
    public static async Task<int> InvokeAsync(string[] arguments, TextWriter output, TextWriter error)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (arguments is [CommandLineCompletion.Word, ..])
        {
            foreach (string line in CommandLineCompletion.Lines(Root(), CommandLineCompletion.WordsOf(arguments))) { await output.WriteLineAsync(line); }
            return ToolExitCodes.Success;
        }

        var parsed = CommandLineParser.Parse(Root(), arguments);
        if (ParseMistake.Is(parsed))
        {
            await ParseMistake.TellAsync(parsed, error, help: false);
            return ToolExitCodes.BadInput;
        }

        var configuration = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false };
        // Two seconds after a signal the library ends the process: not that of a verb to which Ctrl-C means something else.
        if (parsed.CommandResult.Command is IHandlesSignals) { configuration.ProcessTerminationTimeout = null; }
        try
        {
            return await parsed.InvokeAsync(configuration);
        }
        catch (ToolFailure failure)
        {
            await error.WriteLineAsync("error: " + failure.Message);
            return failure.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return ToolExitCodes.Interrupted;
        }
        catch (Exception e)
        {
            await error.WriteLineAsync($"internal error: {e.Message}\nThis is a defect of ctwa; please report it with these lines:\n{e}");
            return ToolExitCodes.InternalError;
        }
    }

    // Named as the user typed it: usage lines and errors read `ctwa VERB ...`.
    private static Command Root()
    {
        var root = new Command("ctwa", "Tools of ctwa.") { new HelpOption() };
        foreach (var verb in (Func<Command>[])[.. verbs, .. hidden]) { root.Add(verb()); }
        ToolExamples.AddTo(root);
        HelpExamples.AddTo(root);
        return root;
    }
}
