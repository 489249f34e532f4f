using System.CommandLine;
using Ctwa.Client.Shell;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa completion</c>: the script by which a shell completes verbs, options, contexts and jobs.</summary>
internal static class CompletionCommand
{
    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong([.. ShellScripts.All.Keys]);
        var command = new Command("completion", "Print the script by which a shell completes verbs, options, contexts and ids of jobs.") { shell };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(ShellScripts.All[parsed.GetValue(shell)!]);
            return ExitCodes.Success;
        });
        return command.WithExamples(("source <(ctwa completion bash)", "in this bash"), ("ctwa completion zsh > \"${fpath[1]}/_ctwa\"", "in every zsh"), ("ctwa completion fish | source", "in this fish"));
    }

    /// <summary>Answers a shell. Whatever goes wrong, it gets no candidates and no noise.</summary>
    /// <param name="arguments">Command line, beginning with <see cref="CommandLineCompletion.Word"/>.</param>
    public static async Task<int> AnswerAsync(string[] arguments, TextWriter output)
    {
        string[] words = CommandLineCompletion.WordsOf(arguments);
        // Options of these verbs are known to the silo's program.
        if (words.Length > 1 && ForwardedVerbs.Handles(words))
        {
            try { return await ForwardedVerbs.RunAsync([CommandLineCompletion.Word, "--", .. words], output, TextWriter.Null); }
            catch (CommandFailure) { return ExitCodes.Success; }
        }

        foreach (string line in CommandLineCompletion.Lines(CtwaCommand.Root(), words)) { await output.WriteLineAsync(line); }
        return ExitCodes.Success;
    }
}
