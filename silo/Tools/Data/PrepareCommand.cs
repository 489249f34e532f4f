using System.CommandLine;
using Ctwa.Training.Datasets;

namespace Ctwa.Silo.Tools.Data;

/// <summary><c>ctwa data prepare</c>: one subcommand per data set.</summary>
internal static class PrepareCommand
{
    private static readonly Option<string> From = new("--from") { Description = "The data set as downloaded: a JSONL or parquet file, or a folder with it.", HelpName = "file-or-folder", Required = true };
    private static readonly Option<string> Out = new("--out") { Description = "Folder for the files; made if it does not exist.", HelpName = "dir", Required = true };
    private static readonly Option<long> Seed = new("--seed") { Description = "Seed of the split.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Instruction = new("--instruction") { Description = "Text that follows each problem after a space; \"\" for none. Default: the paper's for math500, the usual one for gsm8k.", HelpName = "text" };
    private static readonly Option<string> Format = new("--format") { Description = "jsonl or parquet.", DefaultValueFactory = _ => "jsonl" };
    private static readonly Option<bool> Force = new("--force") { Description = "Overwrite files of an earlier preparation." };
    private static readonly Option<string> Split = new("--split") { Description = "seeded: 60/20/20 by --seed; reference: the 300/100/100 of the paper's reference implementation.", DefaultValueFactory = _ => "seeded" };
    private static readonly Option<int> Validation = new("--validation") { Description = "Problems of the training part that are held out for validation.", HelpName = "n", DefaultValueFactory = _ => 500 };

    static PrepareCommand()
    {
        Format.AcceptOnlyFromAmong("jsonl", "parquet");
        Split.AcceptOnlyFromAmong("seeded", "reference");
    }

    public static Command Math500()
    {
        var command = new Command("math500", "MATH-500 (HuggingFaceH4/MATH-500): test.jsonl with problem and answer, split 60/20/20.") { From, Out, Seed, Instruction, Format, Split, Force };
        command.SetAction((parsed, _) => Run(parsed, Math500Source.Instruction, options => Math500Source.Prepare(options, parsed.GetValue(Split) == "reference")));
        return command;
    }

    public static Command Gsm8k()
    {
        var command = new Command("gsm8k", "GSM8K (openai/gsm8k): train and test files with question and answer; validation is a seeded part of train.") { From, Out, Seed, Instruction, Format, Validation, Force };
        command.SetAction((parsed, _) => Run(parsed, Gsm8kSource.Instruction, options => Gsm8kSource.Prepare(options, parsed.GetValue(Validation))));
        return command;
    }

    private static async Task<int> Run(ParseResult parsed, string instruction, Func<PrepareOptions, PreparedData> prepare)
    {
        var options = new PrepareOptions(parsed.GetValue(From)!, parsed.GetValue(Out)!, parsed.GetValue(Seed), parsed.GetValue(Instruction) ?? instruction, parsed.GetValue(Format)!, parsed.GetValue(Force));
        try
        {
            // Before reading: nobody wants to learn it afterwards.
            PreparedFolder.CheckFree(options);
            var data = prepare(options);
            foreach (string note in data.Notes) { await parsed.InvocationConfiguration.Error.WriteLineAsync("note: " + note); }
            foreach (string line in PreparedFolder.Write(options, data)) { await parsed.InvocationConfiguration.Output.WriteLineAsync(line); }
            return ToolExitCodes.Success;
        }
        catch (DatasetException e)
        {
            throw new ToolFailure(ToolExitCodes.BadInput, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolFailure(ToolExitCodes.StorageFailed, $"'{options.Out}' cannot be written: {e.Message.TrimEnd('.')}. Choose a writable --out with free space.");
        }
    }
}
