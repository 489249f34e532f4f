namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Variables of a loop's pass, a macro or the template, over those around it. Assignments stay inside.</summary>
internal sealed class JinjaScope(JinjaScope? outer)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public object? this[string name]
    {
        set => _values[name] = value;
    }

    public bool TryFind(string name, out object? value)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._values.TryGetValue(name, out value)) { return true; }
        }

        value = null;
        return false;
    }

    private JinjaScope? Outer { get; } = outer;
}
