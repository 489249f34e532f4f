namespace Ctwa.Silo.Tools.Generation;

/// <summary>Prompts line by line: from a person at a terminal, or from a pipe.</summary>
/// <param name="writer">Answers.</param>
/// <param name="dialogue">Makes prompts of lines.</param>
/// <param name="options">Samples per prompt.</param>
/// <param name="interrupt">What Ctrl-C does.</param>
internal sealed class GenerateSession(AnswerWriter writer, Dialogue dialogue, GenerateOptions options, AnswerInterrupt interrupt)
{
    private const string Quit = ":q", New = ":new";

    /// <summary>Reads lines to the end of the input; an empty line is none. A prompt that cannot be answered ends a pipe, not a conversation.</summary>
    /// <param name="input">Lines.</param>
    /// <param name="output">Gets the sign that a prompt is awaited; the answers go there too.</param>
    /// <param name="error">Hints and what is wrong with a prompt.</param>
    /// <param name="interactive">A person reads and writes.</param>
    public void Run(TextReader input, TextWriter output, TextWriter error, bool interactive)
    {
        if (interactive) { error.WriteLine($"{Quit} or Ctrl-D leaves, Ctrl-C stops an answer{(options.Chat ? $", {New} begins another conversation" : "")}"); }
        for (int index = 0; Next() is { } line;)
        {
            if (line.Length == 0) { continue; }
            if (interactive && line == Quit) { return; }
            if (interactive && options.Chat && line == New) { dialogue.Restart(); continue; }
            // The lines of a pipe have nothing to do with each other.
            if (!interactive) { dialogue.Restart(); }
            try { Answer(line, index++, output); }
            catch (ToolFailure failure) when (interactive) { error.WriteLine("error: " + failure.Message); }
        }

        if (interactive) { output.WriteLine(); }

        string? Next()
        {
            if (interactive)
            {
                output.Write("> ");
                output.Flush();
            }

            return input.ReadLine();
        }
    }

    /// <summary>All answers to one prompt, a blank line between them.</summary>
    public void Answer(string line, int index, TextWriter output)
    {
        string prompt = dialogue.Ask(line);
        string answer = "";
        for (int sample = 0; sample < options.Samples; sample++)
        {
            if (sample > 0) { output.WriteLine(); }
            var stop = interrupt.Begin();
            bool stopped;
            try { answer = writer.Write(prompt, FormattableString.Invariant($"prompt {index + 1}"), index, sample, stop); }
            finally { stopped = interrupt.End(); }
            if (stopped) { break; }
        }

        dialogue.Answered(line, answer);
    }
}
