namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>A call of a function, method, filter or test: its arguments, and where it stands for errors and for the budget.</summary>
internal sealed class JinjaCall(JinjaMachine machine, string name, int position, List<object?> positional, OrderedDictionary<string, object?> named)
{
    public JinjaMachine Machine => machine;

    public string Name => name;

    public int Position => position;

    public List<object?> Positional => positional;

    public OrderedDictionary<string, object?> Named => named;

    /// <summary>The argument at a place or of a name; the fallback if neither is there.</summary>
    public object? Argument(int index, string argument, object? fallback = null) =>
        index < positional.Count ? positional[index] : named.TryGetValue(argument, out object? value) ? value : fallback;

    public object? Required(int index, string argument) =>
        index < positional.Count || named.ContainsKey(argument) ? Argument(index, argument) : throw Error($"needs the argument '{argument}'");

    public string Text(int index, string argument) => Argument(index, argument) as string ?? throw Error($"needs a text as '{argument}'");

    public string? OptionalText(int index, string argument) => Argument(index, argument) switch
    {
        null => null,
        string text => text,
        var other => throw Error($"needs a text as '{argument}', not {JinjaValue.TypeName(other)}"),
    };

    public long Whole(int index, string argument, long fallback) =>
        JinjaValue.Whole(Argument(index, argument, fallback)) ?? throw Error($"needs a whole number as '{argument}'");

    public bool Flag(int index, string argument, bool fallback) => JinjaValue.IsTrue(Argument(index, argument, fallback));

    /// <summary>Refuses arguments that the callee does not know.</summary>
    public void Accept(params string[] names)
    {
        if (positional.Count > names.Length) { throw Error($"takes at most {names.Length} arguments, not {positional.Count}"); }
        foreach (string given in named.Keys)
        {
            int at = Array.IndexOf(names, given);
            if (at < 0) { throw Error($"has no argument '{given}'"); }
            if (at < positional.Count) { throw Error($"is given '{given}' twice"); }
        }
    }

    public JinjaException Error(string what) => new($"{name} {what}", position);
}
