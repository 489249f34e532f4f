using System.CommandLine;
using Ctwa.Client.Output;
using Ctwa.Client.Shell;

namespace Ctwa.Client.Commands;

/// <summary>The command line: one file per verb beside this one.</summary>
internal static class CtwaCommand
{
    public static Task<int> InvokeAsync(string[] arguments) => InvokeAsync(arguments, Console.Out, Console.Error);

    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> InvokeAsync(string[] arguments, TextWriter output, TextWriter error)
    {
        if (ForwardedVerbs.Handles(arguments)) { return await GuardAsync(() => ForwardedVerbs.RunAsync(arguments, output, error), error); }
        // What others named and wrote is printed from here on.
        (output, error) = (new CleanWriter(output), new CleanWriter(error));
        if (arguments is [CommandLineCompletion.Word, ..]) { return await GuardAsync(() => CompletionCommand.AnswerAsync(arguments, output), error); }
        var parsed = Root().Parse(arguments);
        if (ParseMistake.Is(parsed))
        {
            await ParseMistake.TellAsync(parsed, error, help: arguments.Length == 0);
            return ExitCodes.BadInput;
        }

        var configuration = new InvocationConfiguration
        {
            Output = output,
            Error = error,
            // `train` handles signals itself: it needs more than two seconds for a checkpoint.
            ProcessTerminationTimeout = null,
            EnableDefaultExceptionHandler = false,
        };
        return await GuardAsync(() => parsed.InvokeAsync(configuration), error);
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
            UpCommand.Create(),
            DownCommand.Create(),
            SubmitCommand.Create(),
            JobsCommand.Create(),
            WatchCommand.Create(),
            LogsCommand.Create(),
            PauseCommand.Create(),
            ResumeCommand.Create(),
            CancelCommand.Create(),
            PriorityCommand.Create(),
            SilosCommand.Create(),
            ContextCommand.Create(),
            TokenCommand.Create(),
            DoctorCommand.Create(),
            SchemaCommand.Create(),
            CompletionCommand.Create(),
        };
        foreach (var verb in ForwardedVerbs.Commands()) { root.Add(verb); }
        HelpExamples.AddTo(root);
        root.WithExamples(
            ("ctwa train examples/quickstart.yaml", "train on this machine"),
            ("ctwa up --silos 2 --detach", "a grid on this machine"),
            ("ctwa submit examples/quickstart.yaml --wait", "give a job to the current context's grid, and look on"),
            ("ctwa VERB --help", "options and examples of a verb"));
        return root;
    }
}
