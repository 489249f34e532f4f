using Ctwa.Training.Tokenization.Chat.Jinja;

namespace Ctwa.Training.Tokenization.Chat;

/// <summary>One template, parsed when it is first needed.</summary>
/// <param name="source">Where it stands, for errors.</param>
internal sealed class ChatTemplateText(string source, string template)
{
    /// <summary>Longest template, in UTF-16 units; the longest known ones have some 20,000.</summary>
    public const int MaxLength = 1 << 20;

    private readonly string _text = JinjaLexer.Normalize(template);
    private IReadOnlyList<JinjaNode>? _nodes;

    public string Source => source;

    /// <exception cref="ChatTemplateException">The template is malformed or uses something that is not supported.</exception>
    public IReadOnlyList<JinjaNode> Nodes
    {
        get
        {
            if (_nodes is { } known) { return known; }
            if (_text.Length > MaxLength) { throw new ChatTemplateException($"{source}: the chat template is {_text.Length} characters long; at most {MaxLength} are read."); }
            try { return _nodes = JinjaParser.Parse(_text); }
            catch (JinjaException error) { throw At(error); }
        }
    }

    /// <exception cref="ChatTemplateException">As <see cref="ChatTemplate.Render(IReadOnlyList{Datasets.ChatMessage}, bool, ChatTemplateOptions?)"/>.</exception>
    public string Render(JinjaScope variables, IReadOnlyDictionary<string, object?> globals, JinjaBudget budget)
    {
        try { return JinjaMachine.Render(Nodes, variables, globals, budget); }
        catch (JinjaException error) { throw At(error); }
    }

    private ChatTemplateException At(JinjaException error)
    {
        var before = _text.AsSpan(0, Math.Clamp(error.Position, 0, _text.Length));
        return new ChatTemplateException(source, before.Count('\n') + 1, before.Length - before.LastIndexOf('\n'), error.Message, error);
    }
}
