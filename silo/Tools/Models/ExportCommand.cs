using System.CommandLine;
using System.Globalization;
using Ctwa.Training.Checkpoints;

namespace Ctwa.Silo.Tools.Models;

/// <summary><c>ctwa model export</c>: a Hugging Face folder that other programs load.</summary>
internal static class ExportCommand
{
    private static readonly Argument<string> Source = new("source") { Description = "A run directory, one of its checkpoints, or any model or adapter folder." };
    private static readonly Option<string> Out = new("--out", "-o") { Description = "Folder to write.", HelpName = "dir", Required = true };
    private static readonly Option<string?> Checkpoint = new("--checkpoint") { Description = "Of a run: a step, a checkpoint's name, or latest (default).", HelpName = "step" };
    private static readonly Option<string?> DType = new("--dtype") { Description = "float32, bfloat16 or float16; default: as stored, for a merged adapter as its base model.", HelpName = "type" };
    private static readonly Option<bool> Merge = new("--merge") { Description = "LoRA (default): add the adapter into the base model's weights." };
    private static readonly Option<bool> AdapterOnly = new("--adapter-only") { Description = "LoRA: the adapter alone, in PEFT's layout." };
    private static readonly Option<string?> Base = new("--base") { Description = "LoRA: the base model's folder; default: the one that adapter_config.json names.", HelpName = "dir" };
    private static readonly Option<bool> Force = new("--force") { Description = "Replace the model in --out." };

    public static Command Create()
    {
        var command = new Command("export", "Write a checkpoint as a Hugging Face folder that other programs load.") { Source, Out, Checkpoint, DType, Merge, AdapterOnly, Base, Force };
        command.SetAction((parsed, cancellation) =>
        {
            ModelCommand.Guard(() => Run(parsed, cancellation));
            return Task.FromResult(ToolExitCodes.Success);
        });
        return command;
    }

    private static void Run(ParseResult parsed, CancellationToken cancellation)
    {
        var error = parsed.InvocationConfiguration.Error;
        bool adapterOnly = parsed.GetValue(AdapterOnly), merge = parsed.GetValue(Merge);
        if (adapterOnly && merge) { throw new ToolFailure(ToolExitCodes.BadInput, "--merge and --adapter-only exclude each other; give one of them."); }
        var dtype = StoredTypes.Parse(parsed.GetValue(DType));
        var source = ExportSource.Find(parsed.GetValue(Source)!, parsed.GetValue(Checkpoint), error);
        string? named = parsed.GetValue(Base);
        if (!source.IsAdapter && (adapterOnly || merge || named is not null)) { throw new ToolFailure(ToolExitCodes.BadInput, $"'{source.Folder}' holds a whole model and no LoRA adapter; leave --merge, --adapter-only and --base out."); }
        string target = parsed.GetValue(Out)!;
        if (Path.TrimEndingDirectorySeparator(Path.GetFullPath(target)) == source.Folder) { throw new ToolFailure(ToolExitCodes.BadInput, $"--out is '{target}', the folder that is exported; choose another one."); }

        using var export = source.IsAdapter ? AdapterExport.Open(source, named, adapterOnly, dtype) : ModelExport.Open(source.Folder, [source.Folder, .. source.StartFolder() is { } start ? [start] : Array.Empty<string>()], dtype, null);
        long bytes = export.Tensors.Sum(tensor => tensor.ByteLength);
        var progress = new WriteProgress(error, bytes, cancellation);
        using var folder = OutputFolder.Open(target, parsed.GetValue(Force), bytes);
        var files = export.Write(folder.Staging, progress);
        folder.Commit();
        string verified = source.IsVerified ? ", its hashes verified" : "";
        parsed.InvocationConfiguration.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{target}: {export.Description} of {source.Folder}{verified}; {export.Tensors.Sum(tensor => tensor.Count):N0} parameters as {string.Join(" and ", export.Tensors.Select(tensor => tensor.Type).Distinct().Select(StoredTypes.Name))}, {ReportText.Size(bytes)} in {files.Count} file{(files.Count == 1 ? "" : "s")}, {progress.Elapsed.TotalSeconds:F1} s"));
    }
}
