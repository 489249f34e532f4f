namespace Ctwa.Training.Datasets;

/// <summary>What a job needs of one row of a data file.</summary>
/// <param name="Prompt">The prompt; of a conversation the content of its last user turn.</param>
/// <param name="Answer">Ground truth, or response to imitate.</param>
/// <param name="Messages">The conversation; empty: the prompt is a plain text.</param>
/// <param name="Number">Line of a JSONL file or row of a parquet file, from 1.</param>
internal readonly record struct DataRow(string Prompt, string Answer, IReadOnlyList<ChatMessage> Messages, long Number)
{
    /// <summary>More turns than any conversation that fits a model has.</summary>
    private const int MaxTurns = 10_000;

    /// <summary>Makes a row of the two values that the job names.</summary>
    /// <param name="number">Line or row.</param>
    /// <param name="promptField">The prompt's name in the job.</param>
    /// <param name="prompt">Its value: a text, or a list of {role, content}.</param>
    /// <param name="answerField">The answer's name in the job.</param>
    /// <param name="answer">Its value: a text, or a number, which is taken as it is written.</param>
    /// <param name="place">Where a field stands, for messages.</param>
    /// <exception cref="DatasetException">A value has another type or is empty.</exception>
    public static DataRow Of(long number, string promptField, DataValue prompt, string answerField, DataValue answer, Func<string, string> place)
    {
        DatasetException Bad(string field, string what) => new($"{place(field)}: field '{field}' {what}");
        string truth = answer switch
        {
            DataValue.Text text => text.Value,
            DataValue.Number written => written.Written,
            _ => throw Bad(answerField, $"is {answer.Kind}; it must be a string or a number."),
        };
        switch (prompt)
        {
            case DataValue.Text { Value.Length: > 0 } text: return new(text.Value, truth, [], number);
            case DataValue.Text: throw Bad(promptField, "is empty; a prompt needs at least one character.");
            case DataValue.Sequence list:
                var messages = Turns(list, what => Bad(promptField, what));
                string? last = messages.LastOrDefault(message => message.Role == "user")?.Content;
                return last is { Length: > 0 } ? new(last, truth, messages, number) : throw Bad(promptField, last is null ? "is a conversation without a turn of role 'user'; it needs one." : "ends with an empty turn of the user; a prompt needs at least one character.");
            default: throw Bad(promptField, $"is {prompt.Kind}; it must be a string, or a list of turns with role and content.");
        }
    }

    private static ChatMessage[] Turns(DataValue.Sequence list, Func<string, DatasetException> bad)
    {
        if (list.Items.Count is 0 or > MaxTurns) { throw bad($"is a conversation of {list.Items.Count} turns; it must have 1 to {MaxTurns}."); }
        var messages = new ChatMessage[list.Items.Count];
        for (int i = 0; i < messages.Length; i++)
        {
            if (list.Items[i] is not DataValue.Fields turn) { throw bad($"holds {list.Items[i].Kind} as turn {i + 1}; a turn is an object with role and content."); }
            string Part(string name) => turn.Find(name) switch
            {
                DataValue.Text text => text.Value,
                null => throw bad($"has no '{name}' in turn {i + 1}; a turn is an object with role and content."),
                { } other => throw bad($"has {other.Kind} as '{name}' of turn {i + 1}; it must be a string."),
            };
            messages[i] = new ChatMessage(Part("role"), Part("content"));
            if (messages[i].Role.Length == 0) { throw bad($"has an empty 'role' in turn {i + 1}; expected are system, user, assistant or tool."); }
        }

        return messages;
    }
}
