using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Ctwa.Client.Commands;

/// <summary>Examples at the end of a verb's help. Compiled into client and silo: each has verbs of its own.</summary>
internal static class HelpExamples
{
    private const int UsualWidth = 100;

    private static readonly ConditionalWeakTable<Command, (string Line, string What)[]> s_examples = [];

    /// <summary>Columns of help texts; null: those of the terminal, or 100 where there is none. Documents need the same everywhere.</summary>
    internal static int? Width { get; set; }

    /// <summary>Gives a command its examples.</summary>
    /// <param name="examples">A command line each, and what it does.</param>
    public static Command WithExamples(this Command command, params (string Line, string What)[] examples)
    {
        s_examples.AddOrUpdate(command, examples);
        return command;
    }

    /// <summary>Those of a command.</summary>
    public static IReadOnlyList<(string Line, string What)> Of(Command command) => s_examples.TryGetValue(command, out var examples) ? examples : [];

    /// <summary>Has the help of all commands below end with their examples.</summary>
    public static void AddTo(Command root)
    {
        if (root.Options.OfType<HelpOption>().FirstOrDefault() is { Action: HelpAction usual } help) { help.Action = new Action(usual); }
    }

    private sealed class Action(HelpAction usual) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            usual.MaxWidth = Width ?? (Console.IsOutputRedirected ? UsualWidth : Math.Max(40, Console.WindowWidth));
            int code = usual.Invoke(parseResult);
            var examples = Of(parseResult.CommandResult.Command);
            if (examples.Count == 0) { return code; }
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var (line, what) in examples) { output.WriteLine($"  {line}\n      {what}"); }
            output.WriteLine();
            return code;
        }
    }
}
