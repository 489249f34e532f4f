using System.Security.Cryptography;
using System.Text;
using Ctwa.Training.Datasets;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tokenization;
using Ctwa.Training.Tokenization.Chat;

namespace Ctwa.Training.Models;

/// <summary>Everything about a model on disk but its weights: shape, tokenizer, stop tokens. Cheap, so that all complaints come before any weight is read.</summary>
public sealed class ModelDescription
{
    private readonly ModelFolder _files;

    private ModelDescription(ModelLocation location, ModelConfig config, ModelFolder files, HuggingFaceTokenizer tokenizer, GenerationDefaults defaults, IReadOnlyList<int> stopTokens) =>
        (Location, Config, _files, Tokenizer, Defaults, StopTokens) = (location, config, files, tokenizer, defaults, stopTokens);

    /// <summary>Where the tokenizer lies, and with it the chat template.</summary>
    public required string TokenizerFolder { get; init; }

    /// <summary>The adapter to add into the weights; null for whole models.</summary>
    public AdapterFolder? Adapter { get; private init; }

    public ModelLocation Location { get; }

    public ModelConfig Config { get; }

    public HuggingFaceTokenizer Tokenizer { get; }

    /// <summary>What the model's authors propose for sampling.</summary>
    public GenerationDefaults Defaults { get; }

    /// <summary>
    /// Tokens that end a response: those of generation_config.json, else of config.json, else the tokenizer's eos_token. At least one.
    /// A run's checkpoints have those of training in their config.json.
    /// </summary>
    public IReadOnlyList<int> StopTokens { get; }

    /// <summary>Reads config.json, the weights' headers, an adapter's, tokenizer.json and, where there is one, generation_config.json.</summary>
    /// <exception cref="InvalidDataException">Something is missing, damaged, not supported, or does not belong together.</exception>
    public static ModelDescription Read(ModelLocation location)
    {
        string folder = location.ModelFolder;
        try
        {
            var config = ModelConfig.Read(Path.Combine(folder, "config.json"));
            var files = ModelFolder.Read(folder, config);
            var adapter = location.Base is null ? null : AdapterFolder.Read(location.Folder, config);
            string tokens = File.Exists(Path.Combine(location.Folder, "tokenizer.json")) ? location.Folder : folder;
            var tokenizer = HuggingFaceTokenizer.Load(tokens);
            if (tokenizer.VocabularySize > config.VocabSize) { throw new InvalidDataException($"{folder}: tokenizer.json has ids up to {tokenizer.VocabularySize - 1} but the embedding has {config.VocabSize} rows; use the tokenizer.json that belongs to the model."); }
            var defaults = GenerationDefaults.Read(folder, config.VocabSize);
            IReadOnlyList<int> stop = defaults.StopTokens is { Count: > 0 } proposed ? proposed : config.EosTokenIds is { IsDefaultOrEmpty: false } own ? [.. own] : [.. tokenizer.EndOfTextIds];
            if (stop.Count == 0) { throw new InvalidDataException($"{folder}: neither generation_config.json nor config.json (eos_token_id) nor tokenizer_config.json (eos_token) names a token that ends a response; add one of them."); }
            return new ModelDescription(location, config, files, tokenizer, defaults, stop) { Adapter = adapter, TokenizerFolder = tokens };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    /// <summary>The model's chat template.</summary>
    /// <exception cref="InvalidDataException">It has none, or one that cannot be used.</exception>
    public ChatTemplate ChatTemplate() => Usable(() => Tokenization.Chat.ChatTemplate.Load(TokenizerFolder))
        ?? throw new InvalidDataException($"{Location.Given} has no chat template (no chat_template.jinja, and no chat_template in a tokenizer_config.json); it is a base model. Use an instruction-tuned one, or plain prompts.");

    /// <summary>The texts that prompts become, as in training: conversations by the chat template, plain texts as they are, unless the data's settings say otherwise.</summary>
    /// <param name="data">The job's; null: its defaults.</param>
    /// <returns>Throws <see cref="InvalidDataException"/> for a prompt that cannot be rendered.</returns>
    public Func<PromptExample, string> TextsFor(DataSpec? data)
    {
        var texts = new PromptTexts(data ?? new DataSpec { Train = new DataSourceSpec() }, TokenizerFolder);
        return example => Usable(() => texts.Of(example.Prompt, example.Messages));
    }

    private static T Usable<T>(Func<T> work)
    {
        try { return work(); }
        catch (ChatTemplateException e) { throw new InvalidDataException($"the chat template cannot be used: {e.Message}", e); }
    }

    /// <summary>Text of response tokens, special tokens left out.</summary>
    public string Decode(ReadOnlySpan<int> tokens) => Tokenizer.Decode(tokens, skipSpecial: true);

    /// <summary>Token ids of a prompt's text.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="name">Names the prompt in errors, such as <c>data.jsonl: row 3</c>.</param>
    /// <param name="maxNewTokens">Tokens that must fit behind it.</param>
    /// <exception cref="InvalidDataException">It is empty, cannot be written with the vocabulary, or does not fit the model's positions.</exception>
    public int[] EncodePrompt(string text, string name, int maxNewTokens)
    {
        int[] tokens;
        try { tokens = Tokenizer.Encode(text); }
        catch (UnencodableTextException e) { throw new InvalidDataException($"{name} cannot be written with the tokenizer of {Location.Given}: {e.Message}", e); }
        if (tokens.Length == 0) { throw new InvalidDataException($"{name} is empty; a prompt has at least one token."); }
        if ((long)tokens.Length + maxNewTokens <= Config.MaxPositionEmbeddings) { return tokens; }
        throw new InvalidDataException($"{name} has {tokens.Length} tokens; with {maxNewTokens} new ones it exceeds the {Config.MaxPositionEmbeddings} positions of {Location.Given}. Shorten the prompt or lower --max-new-tokens.");
    }

    /// <summary>SHA-256 over the weights in lower-case hexadecimal: of the file, or of the lines <c>name hash</c> of several, an adapter's last.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public string WeightsSha256()
    {
        string[] files = [.. _files.Tensors.Values.Select(tensor => tensor.File).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), .. Adapter is null ? (string[])[] : [Path.Combine(Adapter.Path, AdapterFolder.WeightsName)]];
        if (files.Length == 1) { return CheckpointStore.Hash(files[0]); }
        string list = string.Concat(files.Select(file => $"{Path.GetFileName(file)} {CheckpointStore.Hash(file)}\n"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(list)));
    }
}
