using System.Text.RegularExpressions;
using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization.Chat;

namespace Ctwa.Training.Rewards.Classifiers;

/// <summary>The text that a reward model reads of a completion: the job's template, or the conversation of one question and answer.</summary>
internal sealed partial class RewardTemplate
{
    private readonly string[] _parts;
    private readonly ChatTemplate? _chat;

    /// <exception cref="InvalidDataException">The job asks for the folder's chat template, and it has none or a broken one.</exception>
    public RewardTemplate(ModelRewardSpec spec)
    {
        // Cut once: a prompt that contains "{response}" stays as it is.
        _parts = [.. Places().Split(spec.Template).Select(part => Escape().Replace(part, match => match.Value switch { @"\n" => "\n", @"\t" => "\t", _ => @"\" }))];
        if (!spec.Chat) { return; }
        try
        {
            _chat = ChatTemplate.Load(spec.Path) ?? throw new InvalidDataException($"chat is true, but {spec.Path} has no chat template; write the conversation's form into template.");
        }
        catch (ChatTemplateException error)
        {
            throw new InvalidDataException($"the chat template of {spec.Path} cannot be used: {error.Message}", error);
        }
    }

    /// <exception cref="ChatTemplateException">The chat template refuses the conversation.</exception>
    public string Render(in ScoredCompletion completion)
    {
        var (prompt, response) = (completion.Prompt, completion.Response);
        return _chat is { } chat
            ? chat.Render([new ChatMessage("user", prompt), new ChatMessage("assistant", response)], addGenerationPrompt: false)
            : string.Concat(_parts.Select(part => part switch { "{prompt}" => prompt, "{response}" => response, _ => part }));
    }

    [GeneratedRegex(@"\\[nt\\]", RegexOptions.CultureInvariant)]
    private static partial Regex Escape();

    [GeneratedRegex(@"(\{prompt\}|\{response\})", RegexOptions.CultureInvariant)]
    private static partial Regex Places();
}
