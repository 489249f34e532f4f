using System.CommandLine;
using System.CommandLine.Invocation;

namespace Ctwa.Client.Commands;

/// <summary>The command line: one file per verb beside this one.</summary>
internal static class CtwaCommand
{
    public static Task<int> InvokeAsync(string[] arguments) => InvokeAsync(arguments, Console.Out, Console.Error);

    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> InvokeAsync(string[] arguments, TextWriter output, TextWriter error)
    {
        if (ForwardedVerbs.Handles(arguments)) { return await GuardAsync(() => ForwardedVerbs.RunAsync(arguments, output, error), error); }
        var parsed = Root().Parse(arguments);
        var configuration = new InvocationConfiguration
        {
            // The library writes "did you mean" to the output; a pipe must not take it for a result.
            Output = parsed.Errors.Count > 0 ? error : output,
            Error = error,
            // `train` handles signals itself: it needs more than two seconds for a checkpoint.
            ProcessTerminationTimeout = null,
            EnableDefaultExceptionHandler = false,
        };
        if (parsed.Action is ParseErrorAction wrong) { wrong.ShowHelp = arguments.Length == 0; }
        return await GuardAsync(
            async () =>
            {
                int code = await parsed.InvokeAsync(configuration);
                return parsed.Errors.Count > 0 ? ExitCodes.BadInput : code;
            },
            error);
    }

    private static async Task<int> GuardAsync(Func<Task<int>> command, TextWriter error)
    {
        try
        {
            return await command();
        }
        catch (CommandFailure failure)
        {
            await error.WriteLineAsync("error: " + failure.Message);
            return failure.ExitCode;
        }
        catch (Exception e)
        {
            await error.WriteLineAsync($"internal error: {e.Message}\nThis is a defect of ctwa; please report it with these lines:\n{e}");
            return ExitCodes.InternalError;
        }
    }

    internal static RootCommand Root()
    {
        var root = new RootCommand("Ctwa.Orleans: multi-objective reinforcement learning of language models on an elastic grid.\n\n" + ExitCodes.Help)
        {
            TrainCommand.Create(),
            CompareCommand.Create(),
            ReportCommand.Create(),
            SubmitCommand.Create(),
            JobsCommand.Create(),
            WatchCommand.Create(),
            PauseCommand.Create(),
            ResumeCommand.Create(),
            CancelCommand.Create(),
            PriorityCommand.Create(),
            TokenCommand.Create(),
            SchemaCommand.Create(),
            UpCommand.Create(),
        };
        foreach (var verb in ForwardedVerbs.Commands()) { root.Add(verb); }
        return root;
    }
}
