using System.Text;
using System.Text.Json;

namespace Ctwa.Training.Tokenization.Chat;

/// <summary>The chat templates of a model folder, by name, and the special tokens that they may name.</summary>
internal sealed record ChatTemplateFiles(IReadOnlyDictionary<string, ChatTemplateText> Templates, IReadOnlyDictionary<string, object?> SpecialTokens)
{
    /// <summary>Name of the template that is used unless something else asks for another.</summary>
    public const string Default = "default";

    /// <summary>A template in a file of its own; it goes before those in tokenizer_config.json.</summary>
    public const string FileName = "chat_template.jinja";

    /// <summary>Where some multimodal models keep it; read only if it is nowhere else.</summary>
    private const string OldFileName = "chat_template.json";

    private const int MaxBytes = 32 << 20;
    private static readonly string[] SpecialTokenNames = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <exception cref="InvalidDataException">A file is too large, no UTF-8, or tokenizer_config.json is malformed; the message names it.</exception>
    public static ChatTemplateFiles Read(string folder)
    {
        var templates = new Dictionary<string, ChatTemplateText>(StringComparer.Ordinal);
        var tokens = new Dictionary<string, object?>(StringComparer.Ordinal);
        string config = Path.Combine(folder, TokenizerConfigFile.FileName), own = Path.Combine(folder, FileName);
        if (File.Exists(config)) { ReadConfig(config, templates, tokens); }
        if (templates.Count == 0 && Path.Combine(folder, OldFileName) is var old && File.Exists(old)) { ReadConfig(old, templates, []); }
        if (File.Exists(own))
        {
            templates.Clear();
            templates[Default] = new ChatTemplateText(own, ReadText(own));
        }

        return new ChatTemplateFiles(templates, tokens);
    }

    private static void ReadConfig(string path, Dictionary<string, ChatTemplateText> templates, Dictionary<string, object?> tokens)
    {
        try
        {
            using var document = JsonDocument.Parse(ReadText(path));
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) { throw new InvalidDataException($"{path} holds no JSON object."); }
            foreach (string name in SpecialTokenNames)
            {
                if (TokenizerConfigFile.Token(root, name) is { } token) { tokens[name] = token; }
            }

            if (!root.TryGetProperty("chat_template", out var template) || template.ValueKind == JsonValueKind.Null) { return; }
            switch (template.ValueKind)
            {
                case JsonValueKind.String: templates[Default] = new ChatTemplateText($"{path}: chat_template", template.GetString()!); break;
                case JsonValueKind.Array:
                    foreach (var named in template.EnumerateArray()) { AddNamed(path, named, templates); }
                    break;
                default: throw new InvalidDataException($"{path}: chat_template is {template.ValueKind}; expected is a text, or a list of {{\"name\": ..., \"template\": ...}}.");
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException) { throw new InvalidDataException($"{path} cannot be read: {error.Message}", error); }
    }

    private static void AddNamed(string path, JsonElement named, Dictionary<string, ChatTemplateText> templates)
    {
        if (named.ValueKind != JsonValueKind.Object || !named.TryGetProperty("name", out var name) || !named.TryGetProperty("template", out var template)
            || name.ValueKind != JsonValueKind.String || template.ValueKind != JsonValueKind.String)
        {
            throw new InvalidDataException($"{path}: chat_template is a list with an entry that is not {{\"name\": text, \"template\": text}}.");
        }

        templates[name.GetString()!] = new ChatTemplateText($"{path}: chat_template '{name.GetString()}'", template.GetString()!);
    }

    private static string ReadText(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (stream.Length > MaxBytes) { throw new InvalidDataException($"{path} is {stream.Length} bytes long; at most {MaxBytes} are read."); }
        try
        {
            using var reader = new StreamReader(stream, new UTF8Encoding(true, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException error) { throw new InvalidDataException($"{path} is not UTF-8 text.", error); }
    }
}
