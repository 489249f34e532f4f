namespace Ctwa.Silo.Tools.Generation;

/// <summary>Plain continuation: a prompt is the text that the model goes on with, and nothing is remembered.</summary>
internal class Dialogue
{
    /// <summary>The text that the model continues.</summary>
    public virtual string Ask(string line) => line;

    /// <summary>Remembers what was said.</summary>
    public virtual void Answered(string line, string answer)
    {
    }

    /// <summary>Forgets it.</summary>
    public virtual void Restart()
    {
    }
}
