using Ctwa.Training.Rewards;

namespace Ctwa.Training.Evaluation;

/// <summary>The final answer of a response as a vote for the majority of k.</summary>
internal static class AnswerVote
{
    private const string Marker = "####";

    /// <summary>
    /// The content of the last box in the reference's normal form, else what follows the last <c>####</c> in its line (GSM8K's
    /// form); empty if the response has no final answer, which is a vote of its own.
    /// </summary>
    public static string Of(string response)
    {
        if (BoxedAnswer.Last(response) is { } boxed) { return (ReferenceMathAnswer.Normalize(boxed) ?? boxed).Trim(); }
        int at = response.LastIndexOf(Marker, StringComparison.Ordinal);
        if (at < 0) { return ""; }
        string line = response[(at + Marker.Length)..].TrimStart(' ');
        int end = line.IndexOf('\n', StringComparison.Ordinal);
        return (end < 0 ? line : line[..end]).Trim().Replace(",", "", StringComparison.Ordinal);
    }
}
