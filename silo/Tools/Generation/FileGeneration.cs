using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Silo.Tools.Evaluation;
using Ctwa.Training.Datasets;
using Ctwa.Training.Evaluation;
using Ctwa.Training.Models;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Generation;

/// <summary>Answers to the prompts of a data file, in batches; one JSON object per answer, in the file's order.</summary>
internal static class FileGeneration
{
    /// <summary>Longest answer where nobody says.</summary>
    private const int DefaultNewTokens = 512;

    private static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads and encodes the prompts, before any weight is read.</summary>
    /// <param name="options">File, field and lengths.</param>
    /// <param name="model">The model that they are for.</param>
    /// <param name="dialogue">Makes a prompt's text of a row.</param>
    /// <exception cref="ToolFailure">A row cannot be used.</exception>
    public static (IReadOnlyList<EvaluationPrompt> Prompts, EvaluationSettings Settings) Prepare(GenerateOptions options, ModelDescription model, Dialogue dialogue)
    {
        // A row's answer is not needed: the prompt's field stands in for it, if it is a text.
        var source = new DataSourceSpec { Path = options.Data, PromptField = options.PromptField, AnswerField = options.AnswerField ?? options.PromptField };
        var rows = ModelOptions.Guard(() => PromptDataset.Open(source, DatasetSplit.Test, options.Seed, options.Data!));
        var prompts = new List<EvaluationPrompt>();
        for (long row = 0; row < rows.Count; row++)
        {
            var example = rows.At(row);
            string name = rows.PlaceOf(row);
            prompts.Add(new EvaluationPrompt(row, example, ModelOptions.Guard(() => model.EncodePrompt(TextOf(example, name), name, options.MaxNewTokens ?? 1))));
        }

        string TextOf(PromptExample example, string name) => example.Messages.Count == 0 || dialogue is ChatDialogue ? dialogue.Ask(example)
            : throw new ToolFailure(ToolExitCodes.BadInput, $"{name} is a conversation; add --chat, which renders it with the model's chat template.");

        var defaults = model.Defaults;
        return (prompts, new EvaluationSettings
        {
            Seed = options.Seed,
            Samples = options.Samples,
            MaxNewTokens = options.MaxNewTokens ?? Math.Min(DefaultNewTokens, model.Config.MaxPositionEmbeddings - prompts.Max(prompt => prompt.Tokens.Length)),
            Temperature = options.Temperature ?? defaults.Temperature,
            TopK = options.TopK ?? defaults.TopK,
            TopP = options.TopP ?? defaults.TopP,
            BatchSize = options.BatchSize,
        });
    }

    /// <summary>Generates and writes.</summary>
    /// <returns>Tokens, time and rate.</returns>
    /// <exception cref="ToolFailure">The file cannot be written.</exception>
    public static string Run(LoadedModel model, IReadOnlyList<EvaluationPrompt> prompts, EvaluationSettings settings, string? file, TextWriter output)
    {
        var clock = Stopwatch.StartNew();
        long tokens = 0;
        var lines = new StringBuilder();
        int done = 0;
        foreach (var answers in ResponseGeneration.Generate(model, prompts, settings, CancellationToken.None))
        {
            var prompt = prompts[done++];
            for (int sample = 0; sample < answers.Length; sample++)
            {
                tokens += answers[sample].Length;
                string line = new JsonObject
                {
                    ["row"] = prompt.Row,
                    ["sample"] = sample,
                    ["prompt"] = prompt.Example.Prompt,
                    ["response"] = answers[sample].Text,
                    ["tokens"] = answers[sample].Length,
                    ["stopped"] = answers[sample].Stopped,
                }.ToJsonString(s_json);
                if (file is null) { output.WriteLine(line); } else { lines.Append(line).Append('\n'); }
            }
        }

        if (file is not null) { ToolOutputFiles.Write(file, Encoding.UTF8.GetBytes(lines.ToString())); }
        return FormattableString.Invariant($"{tokens} tokens in {clock.Elapsed.TotalSeconds:0.0} s, {tokens / clock.Elapsed.TotalSeconds:0} tokens/s");
    }
}
