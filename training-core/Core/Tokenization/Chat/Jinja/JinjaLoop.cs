namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>The variable <c>loop</c> of a pass.</summary>
internal sealed class JinjaLoop(IReadOnlyList<object?> items, int depth)
{
    private object? _changed = new JinjaUndefined("nothing yet");

    /// <summary>Place of the pass, from 0.</summary>
    public int Index { get; set; }

    /// <summary>An attribute; null result with false if there is none of that name.</summary>
    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "index" => Index + 1L,
            "index0" => (long)Index,
            "revindex" => (long)(items.Count - Index),
            "revindex0" => (long)(items.Count - Index - 1),
            "first" => Index == 0,
            "last" => Index == items.Count - 1,
            "length" => (long)items.Count,
            "depth" => depth + 1L,
            "depth0" => (long)depth,
            "previtem" => Index > 0 ? items[Index - 1] : new JinjaUndefined("there is no previous item"),
            "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new JinjaUndefined("there is no next item"),
            "cycle" => new JinjaFunction("loop.cycle", call => call.Positional.Count > 0 ? call.Positional[Index % call.Positional.Count] : throw call.Error("needs items to cycle through")),
            "changed" => new JinjaFunction("loop.changed", Changed),
            _ => null,
        };
        return value is not null || name is "previtem" or "nextitem";
    }

    private object? Changed(JinjaCall call)
    {
        var now = new JinjaList([.. call.Positional], isTuple: true);
        bool changed = !JinjaCompare.AreEqual(_changed, now);
        _changed = now;
        return changed;
    }
}
