using System.Globalization;

namespace Ctwa.Training.Steps;

/// <summary>Prompts of a source that are longer than the job allows: how many, and where the first ones stand.</summary>
/// <param name="key">The source's key in the job: <c>data.train</c>.</param>
/// <param name="limit">data.max_prompt_tokens.</param>
internal sealed class OverlongPrompts(string key, int limit)
{
    private const int Shown = 8;

    private readonly List<(string Place, int Tokens)> _first = [];

    public int Count { get; private set; }

    /// <summary>Length of the longest.</summary>
    public int Longest { get; private set; }

    public void Add(string place, int tokens)
    {
        Count++;
        Longest = Math.Max(Longest, tokens);
        if (_first.Count < Shown) { _first.Add((place, tokens)); }
    }

    /// <summary>The error of <c>data.overlong: error</c>.</summary>
    /// <param name="total">Prompts of the source.</param>
    public string Message(long total)
    {
        string list = string.Join("; ", _first.Select(prompt => string.Create(CultureInfo.InvariantCulture, $"{prompt.Place} ({prompt.Tokens} tokens)")));
        string more = Count > Shown ? string.Create(CultureInfo.InvariantCulture, $"; and {Count - Shown} more") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{key}: {Count} of {total} prompts are too long: data.max_prompt_tokens is {limit}, the longest has {Longest} tokens. They are {list}{more}. Raise the limit to {Longest}, or set data.overlong: drop.");
    }
}
