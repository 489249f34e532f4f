using Ctwa.Silo.Tools.Evaluation;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization.Chat;

namespace Ctwa.Silo.Tools.Generation;

/// <summary>A conversation in the form of the model's chat template: what was said before is said again with every prompt.</summary>
/// <param name="template">Of the model.</param>
/// <param name="system">First message; null: none (some templates then write one of their own).</param>
internal sealed class ChatDialogue(ChatTemplate template, string? system) : Dialogue
{
    private readonly List<ChatMessage> _said = [];

    public override string Ask(string line) => ModelOptions.Guard(() => template.Render([.. Start(), .. _said, new ChatMessage("user", line)], addGenerationPrompt: true));

    public override string Ask(PromptExample row)
    {
        IReadOnlyList<ChatMessage> messages = row.Messages.Count > 0 ? row.Messages : [new ChatMessage("user", row.Prompt)];
        return ModelOptions.Guard(() => template.Render([.. messages[0].Role == "system" ? [] : Start(), .. messages], addGenerationPrompt: true));
    }

    public override void Answered(string line, string answer)
    {
        _said.Add(new ChatMessage("user", line));
        _said.Add(new ChatMessage("assistant", answer));
    }

    public override void Restart() => _said.Clear();

    private IEnumerable<ChatMessage> Start() => system is null ? [] : [new ChatMessage("system", system)];
}
