using Ctwa.Silo.Tools.Evaluation;
using Ctwa.Training.Datasets;
using Ctwa.Training.Models;

namespace Ctwa.Silo.Tools.Generation;

/// <summary>Plain continuation: a prompt is the text that the model goes on with, and nothing is remembered.</summary>
internal class Dialogue
{
    /// <summary>The kind of dialogue that was asked for.</summary>
    /// <exception cref="ToolFailure">It needs a chat template, and the model has none.</exception>
    public static Dialogue Of(GenerateOptions options, ModelDescription model) =>
        options.Chat || options.System is not null ? new ChatDialogue(ModelOptions.Guard(model.ChatTemplate), options.System) : new Dialogue();

    /// <summary>The text that the model continues.</summary>
    public virtual string Ask(string line) => line;

    /// <summary>The text for a row of a data file, whatever was said before.</summary>
    /// <exception cref="ToolFailure">The row is a conversation, and the model has no chat template.</exception>
    public virtual string Ask(PromptExample row) => row.Prompt;

    /// <summary>Remembers what was said.</summary>
    public virtual void Answered(string line, string answer)
    {
    }

    /// <summary>Forgets it.</summary>
    public virtual void Restart()
    {
    }
}
