using System.Text.Json;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization.Chat.Jinja;

namespace Ctwa.Training.Tokenization.Chat;

/// <summary>
/// A model's chat template: a conversation to the text that the model was trained on. Renders Jinja as transformers sets it up (trim_blocks,
/// lstrip_blocks, loop controls, its own <c>tojson</c>, values that cannot be changed), bounded in work, depth and output.
/// Safe for concurrent use.
/// </summary>
public sealed class ChatTemplate
{
    /// <summary>Work that every rendering may do, and what each character of its input adds to it.</summary>
    private const long BaseSteps = 10_000_000, StepsPerCharacter = 64;

    private readonly IReadOnlyDictionary<string, ChatTemplateText> _templates;
    private readonly IReadOnlyDictionary<string, object?> _specialTokens;

    private ChatTemplate(IReadOnlyDictionary<string, ChatTemplateText> templates, IReadOnlyDictionary<string, object?> specialTokens)
    {
        (_templates, _specialTokens) = (templates, specialTokens);
        // What is wrong with the template that everyone uses is said now; another one may never be asked for.
        _ = Choose(tools: false).Nodes;
    }

    /// <summary>Reads the template of a model folder: <c>chat_template.jinja</c>, else <c>chat_template</c> in tokenizer_config.json, else in chat_template.json.</summary>
    /// <param name="folder">A folder with a tokenizer.</param>
    /// <returns>Null if the folder has no template: a base model.</returns>
    /// <exception cref="InvalidDataException">A file is too large, no UTF-8, or tokenizer_config.json is malformed.</exception>
    /// <exception cref="ChatTemplateException">The template is malformed or uses something that is not supported.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ChatTemplate? Load(string folder)
    {
        var files = ChatTemplateFiles.Read(folder);
        return files.Templates.Count == 0 ? null : new ChatTemplate(files.Templates, files.SpecialTokens);
    }

    /// <summary>A template from its text.</summary>
    /// <param name="template">Jinja.</param>
    /// <param name="name">Names it in errors.</param>
    /// <param name="specialTokens">Texts that the template may use, such as <c>bos_token</c>.</param>
    /// <exception cref="ChatTemplateException">It is malformed or uses something that is not supported.</exception>
    public static ChatTemplate Parse(string template, string name = "chat template", IReadOnlyDictionary<string, string>? specialTokens = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        return new ChatTemplate(
            new Dictionary<string, ChatTemplateText> { [ChatTemplateFiles.Default] = new(name, template) },
            (specialTokens ?? new Dictionary<string, string>()).ToDictionary(token => token.Key, token => (object?)token.Value, StringComparer.Ordinal));
    }

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">Its turns.</param>
    /// <param name="addGenerationPrompt">End with what begins the assistant's answer.</param>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, uses a value wrongly, or does not come to an end.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return Render(new JinjaList([.. messages.Select(Turn)]), messages.Sum(message => (long)message.Role.Length + message.Content.Length), addGenerationPrompt, options ?? new());
    }

    /// <summary>The text of a conversation with more than roles and contents, such as tool calls.</summary>
    /// <param name="messages">A list of objects.</param>
    /// <exception cref="ChatTemplateException">As the other overload; or the messages are no list of objects.</exception>
    public string Render(JsonElement messages, bool addGenerationPrompt, ChatTemplateOptions? options = null)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.EnumerateArray().Any(message => message.ValueKind != JsonValueKind.Object))
        {
            throw new ChatTemplateException("a conversation is a list of objects such as {\"role\": \"user\", \"content\": \"...\"}.");
        }

        return Render(JinjaJson.Read(messages, "messages"), messages.GetRawText().Length, addGenerationPrompt, options ?? new());
    }

    /// <summary>What the template writes behind an answer, which is how a model ends its turn; empty if that cannot be told.</summary>
    internal string AfterAnswer(ChatTemplateOptions options)
    {
        const string answer = "\u2460ctwa\u2461";
        try
        {
            string text = Render([new ChatMessage("user", "?"), new ChatMessage("assistant", answer)], addGenerationPrompt: false, options);
            int at = text.LastIndexOf(answer, StringComparison.Ordinal);
            return at < 0 ? "" : text[(at + answer.Length)..];
        }
        catch (ChatTemplateException)
        {
            // A template may refuse answers; then the caller's own stop token ends them.
            return "";
        }
    }

    private string Render(object? messages, long inputLength, bool addGenerationPrompt, ChatTemplateOptions options)
    {
        var template = Choose(options.Tools is not null);
        // Variables come last: as in transformers a caller may overrule anything but the conversation.
        var variables = new JinjaScope(null);
        foreach (var (name, token) in _specialTokens) { variables[name] = token; }
        foreach (var (name, value) in options.Variables) { variables[name] = JinjaJson.Read(value, name); }
        variables["messages"] = messages;
        variables["tools"] = options.Tools is { } tools ? JinjaJson.Read(tools, "tools") : null;
        if (!options.Variables.ContainsKey("documents")) { variables["documents"] = null; }
        variables["add_generation_prompt"] = addGenerationPrompt;
        long length = inputLength + (options.Tools?.GetRawText().Length ?? 0);
        return template.Render(variables, JinjaGlobals.Create(options.Now), new JinjaBudget(BaseSteps + (StepsPerCharacter * length)));
    }

    /// <summary>The template for a conversation, where a model has several: <c>tool_use</c> with tools, else <c>default</c>.</summary>
    private ChatTemplateText Choose(bool tools)
    {
        if (tools && _templates.TryGetValue("tool_use", out var forTools)) { return forTools; }
        if (_templates.TryGetValue(ChatTemplateFiles.Default, out var template)) { return template; }
        return _templates.Count == 1 ? _templates.Values.First()
            : throw new ChatTemplateException($"{_templates.Values.First().Source}: there are several chat templates ({string.Join(", ", _templates.Keys)}) and none is called 'default'; keep one of them.");
    }

    private static JinjaDict Turn(ChatMessage message)
    {
        var turn = new JinjaDict();
        turn.Items["role"] = message.Role;
        turn.Items["content"] = message.Content;
        return turn;
    }
}
