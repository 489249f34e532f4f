using System.Text;
using System.Text.Json;

namespace Ctwa.Training.Rewards;

/// <summary>A completion as graders get it.</summary>
internal static class RequestJson
{
    /// <summary>Writes the members prompt, response, ground_truth and response_tokens.</summary>
    public static void Write(Utf8JsonWriter json, in ScoredCompletion completion)
    {
        json.WriteString("prompt", WellFormed(completion.Prompt));
        json.WriteString("response", WellFormed(completion.Response));
        json.WriteString("ground_truth", WellFormed(completion.GroundTruth));
        json.WriteNumber("response_tokens", completion.ResponseTokens);
    }

    /// <summary>Half characters become U+FFFD: JSON in UTF-8 cannot hold them.</summary>
    private static string WellFormed(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar) { return string.Concat(text.EnumerateRunes().Select(one => one.ToString())); }
        }

        return text;
    }
}
