using System.Diagnostics;
using Ctwa.Training.Models;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Tokenization;

namespace Ctwa.Silo.Tools.Generation;

/// <summary>Lets a model answer and shows each token's text as soon as its characters are complete.</summary>
internal sealed class AnswerWriter(LoadedModel model, GenerateOptions options, TextWriter output)
{
    /// <summary>Longest answer where nobody says.</summary>
    private const int DefaultNewTokens = 512;

    private readonly StreamingGenerator _generator = new(model.Policy, model.Device);

    /// <summary>Tokens so far, over all answers.</summary>
    public long Tokens { get; private set; }

    /// <summary>Time spent generating them.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Writes one answer and a line break behind it.</summary>
    /// <param name="prompt">Text of the prompt.</param>
    /// <param name="name">Names it in errors.</param>
    /// <param name="index">Number of the prompt, of which the random numbers depend.</param>
    /// <param name="sample">Number of the answer to it.</param>
    /// <param name="cancellationToken">Stops the answer; what there is of it counts.</param>
    /// <returns>The whole answer.</returns>
    /// <exception cref="ToolFailure">The prompt cannot be written with the vocabulary or leaves no room.</exception>
    public string Write(string prompt, string name, int index, int sample, CancellationToken cancellationToken)
    {
        var description = model.Description;
        int[] tokens = Evaluation.ModelOptions.Guard(() => description.EncodePrompt(prompt, name, options.MaxNewTokens ?? 1));
        var defaults = description.Defaults;
        var settings = new SamplingSettings
        {
            Seed = options.Seed,
            Purpose = RandomPurpose.Test,
            Step = 0,
            Temperature = options.Temperature ?? defaults.Temperature,
            TopK = options.TopK ?? defaults.TopK,
            TopP = options.TopP ?? defaults.TopP,
            MaxNewTokens = options.MaxNewTokens ?? Math.Min(DefaultNewTokens, description.Config.MaxPositionEmbeddings - tokens.Length),
            SamplesPerPrompt = 1,
            StopTokens = description.StopTokens,
        };
        var decoder = new IncrementalDecoder(description.Tokenizer);
        var text = new System.Text.StringBuilder();
        var clock = Stopwatch.StartNew();
        var completion = _generator.Generate(new EncodedPrompt(index, index, tokens), sample, settings, token => Show(decoder.Push(token)), cancellationToken);
        Show(decoder.Finish());
        Elapsed += clock.Elapsed;
        Tokens += completion.Tokens.Length;
        output.WriteLine();
        output.Flush();
        return text.ToString();

        void Show(string part)
        {
            if (part.Length == 0) { return; }
            text.Append(part);
            output.Write(part);
            output.Flush();
        }
    }

    /// <summary>Tokens, time and rate of all answers.</summary>
    public string Summary() => FormattableString.Invariant($"{Tokens} tokens in {Elapsed.TotalSeconds:0.0} s, {Tokens / Math.Max(Elapsed.TotalSeconds, 1e-9):0} tokens/s");
}
