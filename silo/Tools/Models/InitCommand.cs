using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Datasets;
using Ctwa.Training.Models.Presets;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization;

namespace Ctwa.Silo.Tools.Models;

/// <summary><c>ctwa model init</c>: a model folder with seeded random weights in the shape of a published model.</summary>
internal static class InitCommand
{
    private static readonly string s_names = string.Join(", ", ModelPreset.Names);
    private static readonly Option<string> Preset = new("--preset") { Description = $"Shape: {s_names}.", HelpName = "name", Required = true };
    private static readonly Option<string> Out = new("--out", "-o") { Description = "Folder to write.", HelpName = "dir", Required = true };
    private static readonly Option<string?> Tokenizer = new("--tokenizer") { Description = "A tokenizer.json, the folder of one, or 'arithmetic' for the built-in one; default: the built-in one for tiny, else none.", HelpName = "file" };
    private static readonly Option<long> Seed = new("--seed") { Description = "Seed of the weights; default: 1.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> DType = new("--dtype") { Description = "float32, bfloat16 or float16; default: as the preset's config.json says.", HelpName = "type" };
    private static readonly Option<int?> VocabSize = new("--vocab-size") { Description = "Rows of the embedding; default: the preset's.", HelpName = "n" };
    private static readonly Option<bool> Force = new("--force") { Description = "Replace the model in --out." };

    public static Command Create()
    {
        var command = new Command("init", "Create a model folder with seeded random weights in the shape of a published model.") { Preset, Out, Tokenizer, Seed, DType, VocabSize, Force };
        command.SetAction((parsed, cancellation) =>
        {
            ModelCommand.Guard(() => Run(parsed, cancellation));
            return Task.FromResult(ToolExitCodes.Success);
        });
        return command;
    }

    private static void Run(ParseResult parsed, CancellationToken cancellation)
    {
        string name = parsed.GetValue(Preset)!;
        var preset = ModelPreset.Find(name) ?? throw new ToolFailure(ToolExitCodes.BadInput, $"--preset is '{name}'; accepted are {s_names}.");
        var dtype = StoredTypes.Parse(parsed.GetValue(DType));
        using var tokenizer = TokenizerInput.Open(parsed.GetValue(Tokenizer) ?? (preset.HasBuiltInTokenizer ? TokenizerFile.Arithmetic : null));
        int? rows = Rows(preset, parsed.GetValue(VocabSize), tokenizer?.Loaded);
        var stop = Stop(preset.Config, rows ?? preset.Config.VocabSize, tokenizer?.Loaded);
        string json = preset.ConfigJson(dtype is { } asked ? StoredTypes.Name(asked) : null, rows, stop);
        var config = ModelConfig.ReadText("config.json", json, []) ?? throw new InvalidDataException($"The preset {name} contradicts itself; this is a defect of ctwa.");

        var type = StoredTypes.Parse(config.TorchDtype)!.Value;
        var sources = RandomWeights.Sources(config, parsed.GetValue(Seed), type);
        long bytes = sources.Sum(source => source.ByteLength);
        var progress = new WriteProgress(parsed.InvocationConfiguration.Error, bytes, cancellation);
        string target = parsed.GetValue(Out)!;
        using var folder = OutputFolder.Open(target, parsed.GetValue(Force), bytes);
        var files = SafetensorsShards.Write(folder.Staging, sources, progress: progress.Begin);
        File.WriteAllText(Path.Combine(folder.Staging, "config.json"), json);
        File.WriteAllText(Path.Combine(folder.Staging, "generation_config.json"), preset.GenerationJson(stop, tokenizer?.Loaded.PaddingId));
        tokenizer?.CopyTo(folder.Staging);
        folder.Commit();
        var output = parsed.InvocationConfiguration.Output;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target}: {preset.Name}, {config.ParameterCount():N0} parameters as {config.TorchDtype}, {ReportText.Size(bytes)} in {files.Count} file{(files.Count == 1 ? "" : "s")}, seed {parsed.GetValue(Seed)}, {progress.Elapsed.TotalSeconds:F1} s"));
        if (tokenizer is null) { output.WriteLine("No tokenizer was written: give --tokenizer, or copy tokenizer.json and tokenizer_config.json there before you train."); }
    }

    /// <summary>Rows of the embedding; null: the preset's.</summary>
    private static int? Rows(ModelPreset preset, int? asked, HuggingFaceTokenizer? tokenizer)
    {
        if (asked is < 2 or > 1 << 24) { throw new ToolFailure(ToolExitCodes.BadInput, $"--vocab-size is {asked}; accepted are 2 to {1 << 24}."); }
        int needed = tokenizer?.VocabularySize ?? 0;
        int? rows = asked ?? (preset.HasBuiltInTokenizer && needed > 0 ? needed : null);
        if ((rows ?? preset.Config.VocabSize) >= needed) { return rows; }
        throw new ToolFailure(ToolExitCodes.BadInput, $"the tokenizer has {needed} tokens, but the embedding {rows ?? preset.Config.VocabSize} rows; give --vocab-size {needed} or more, or leave it out.");
    }

    /// <summary>The tokenizer's end of text where the published ids are none of its tokens, or lie outside the vocabulary; null: the published ids.</summary>
    private static ImmutableArray<int>? Stop(ModelConfig config, int rows, HuggingFaceTokenizer? tokenizer)
    {
        bool published = config.EosTokenIds.Concat(config.BosTokenId is { } begin ? [begin] : []).All(id => id < rows && (tokenizer is null || tokenizer.TokenOf(id) is not null));
        // The tiny preset's ids are those of the built-in tokenizer and mean nothing in another.
        bool same = published && (tokenizer is null || !config.Equals(ModelPreset.Find("tiny")!.Config) || tokenizer.TokenOf(config.EosTokenIds[0]) == ArithmeticTokenizer.EndOfTextToken);
        return same ? null : tokenizer?.EndOfTextIds ?? [];
    }
}
