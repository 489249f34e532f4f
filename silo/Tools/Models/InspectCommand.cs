using System.CommandLine;

namespace Ctwa.Silo.Tools.Models;

/// <summary><c>ctwa model inspect</c></summary>
internal static class InspectCommand
{
    private static readonly Argument<string> Source = new("path") { Description = "A model, adapter or checkpoint folder, a run directory, a config.json or a safetensors file." };
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object." };

    public static Command Create()
    {
        var command = new Command("inspect", "Show a model's shape, files and memory, and what is wrong with it. Reads headers only.") { Source, Json };
        command.SetAction(parsed =>
        {
            ModelReport? report = null;
            ModelCommand.Guard(() => report = ModelInspector.Inspect(parsed.GetValue(Source)!));
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            if (parsed.GetValue(Json)) { output.WriteLine(ReportJson.Of(report!)); }
            else { ReportText.Write(report!, output); }
            foreach (string problem in report!.Problems) { error.WriteLine("error: " + problem); }
            return report.Problems.Length == 0 ? ToolExitCodes.Success : ToolExitCodes.BadInput;
        });
        return command;
    }
}
