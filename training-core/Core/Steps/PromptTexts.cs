using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization;
using Ctwa.Training.Tokenization.Chat;

namespace Ctwa.Training.Steps;

/// <summary>What of the data a model reads: plain texts as they are, conversations as <see cref="DataSpec.Chat"/> says. The template is read when it is first needed.</summary>
/// <param name="data">The job's data.</param>
/// <param name="folder">The folder of the tokenizer, where a chat template lies too.</param>
internal sealed class PromptTexts(DataSpec data, string folder)
{
    private readonly Lazy<ChatTemplate?> _template = new(() => ChatTemplate.Load(folder));

    // No clock: a run that is resumed on another day has the same prompts.
    private readonly ChatTemplateOptions _options = new() { Variables = data.ChatOptions };

    /// <summary>Whether the template renders a prompt.</summary>
    /// <param name="messages">Its conversation; empty: it is a plain text.</param>
    public bool Renders(IReadOnlyList<ChatMessage> messages) => data.Chat == ChatMode.Always || (data.Chat == ChatMode.Auto && messages.Count > 0);

    /// <summary>The text to tokenize.</summary>
    /// <param name="prompt">The plain text.</param>
    /// <param name="messages">The conversation, if there is one.</param>
    /// <exception cref="InvalidDataException">The model has no template, or its files are malformed.</exception>
    /// <exception cref="ChatTemplateException">The template is malformed or refuses the conversation.</exception>
    public string Of(string prompt, IReadOnlyList<ChatMessage> messages)
    {
        if (Renders(messages)) { return Template(messages.Count > 0).Render(messages.Count > 0 ? messages : [new ChatMessage("user", prompt)], addGenerationPrompt: true, _options); }
        return messages.Count > 0 ? string.Join("\n\n", messages.Select(message => message.Content)) : prompt;
    }

    /// <summary>The stop token with which the template ends an answer; the first stop token if it has none of them.</summary>
    public int EndOfTurn(HuggingFaceTokenizer tokenizer, IReadOnlyList<int> stopTokens)
    {
        int[] after = tokenizer.Encode(Template(areMessages: true).AfterAnswer(_options));
        return after.Where(stopTokens.Contains).Append(stopTokens[0]).First();
    }

    private ChatTemplate Template(bool areMessages) => _template.Value ?? throw new InvalidDataException(
        (areMessages ? "the data holds lists of messages" : "data.chat is always") + $", but the model has no chat template: {folder} has no chat_template.jinja, and no chat_template in a tokenizer_config.json. "
        + $"Use the folder of an instruction-tuned model, put a chat_template.jinja there, or set data.chat: {(areMessages ? "never, which joins a list's contents by blank lines" : "auto")}.");
}
