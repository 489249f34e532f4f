using System.CommandLine;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization;

namespace Ctwa.Silo.Tools.Data;

/// <summary><c>ctwa data inspect</c>: what is in a data file, and what a job would make of it.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string> FileArgument = new("file") { Description = "JSONL or parquet file." };
    private static readonly Option<string?> Prompt = new("--prompt-field") { Description = "Column of the prompt, as in a job: a name or a dotted path. Default: prompt, if there is one.", HelpName = "name" };
    private static readonly Option<string?> Answer = new("--answer-field") { Description = "Column of the answer. Default: answer, if there is one.", HelpName = "name" };
    private static readonly Option<string?> Tokenizer = new("--tokenizer") { Description = "Model folder or tokenizer.json: also count tokens.", HelpName = "dir" };
    private static readonly Option<int?> Limit = new("--max-prompt-tokens") { Description = "Count the prompts with more tokens than a job allows. Needs --tokenizer.", HelpName = "n" };
    private static readonly Option<int> Rows = new("--rows") { Description = "Rows to show.", HelpName = "n", DefaultValueFactory = _ => 3 };
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object instead of text." };

    static InspectCommand()
    {
        Rows.Validators.Add(result => { if (result.GetValueOrDefault<int>() is var rows and (< 0 or > 10_000)) { result.AddError(FormattableString.Invariant($"--rows is {rows}; give 0 to 10000.")); } });
        Limit.Validators.Add(result => { if (result.GetValueOrDefault<int?>() is < 1 and var limit) { result.AddError(FormattableString.Invariant($"--max-prompt-tokens is {limit}; give at least 1.")); } });
    }

    public static Command Create()
    {
        var command = new Command("inspect", "Show rows, columns, lengths, duplicates and what a job could not use of a data file.") { FileArgument, Prompt, Answer, Tokenizer, Limit, Rows, Json };
        command.SetAction((parsed, _) => Run(parsed));
        return command;
    }

    private static async Task<int> Run(ParseResult parsed)
    {
        if (parsed.GetValue(Limit) is not null && parsed.GetValue(Tokenizer) is null) { throw new ToolFailure(ToolExitCodes.BadInput, "--max-prompt-tokens counts tokens; give --tokenizer too."); }
        try
        {
            var survey = DataSurvey.Of(parsed.GetValue(FileArgument)!, new(parsed.GetValue(Prompt), parsed.GetValue(Answer), Load(parsed.GetValue(Tokenizer)), parsed.GetValue(Limit), parsed.GetValue(Rows)));
            await parsed.InvocationConfiguration.Output.WriteLineAsync(parsed.GetValue(Json) ? SurveyText.Json(survey) : SurveyText.Of(survey, Width()));
            return survey.Unusable > 0 ? ToolExitCodes.BadInput : ToolExitCodes.Success;
        }
        catch (DatasetException e)
        {
            throw new ToolFailure(ToolExitCodes.BadInput, e.Message);
        }
    }

    private static HuggingFaceTokenizer? Load(string? path)
    {
        if (path is null) { return null; }
        string file = Directory.Exists(path) ? Path.Combine(path, "tokenizer.json") : path;
        try
        {
            return HuggingFaceTokenizer.Load(file);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new ToolFailure(ToolExitCodes.BadInput, $"--tokenizer is '{path}': {e.Message}");
        }
    }

    private static int Width() => Console.IsOutputRedirected || Console.WindowWidth < 40 ? 100 : Console.WindowWidth;
}
