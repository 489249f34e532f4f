using System.Text.Json;

namespace Ctwa.Training.Rewards;

/// <summary>One item's reply object: <c>{"id": 3, "score": 0.5}</c>, <c>{"id": 3, "scores": ...}</c> or <c>{"id": 3, "error": "..."}</c>.</summary>
/// <param name="Id">Which item.</param>
/// <param name="Reply">Its numbers, or why there are none.</param>
internal readonly record struct ItemReply(long Id, RewardReply Reply)
{
    /// <summary>Reads a reply object. What is wrong behind a readable id is that item's failure.</summary>
    /// <exception cref="RewardReplyException">There is no readable id, so nobody knows whose reply it is.</exception>
    public static ItemReply Read(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) { throw new RewardReplyException($"a reply is {value.ValueKind}; expected is an object such as {{\"id\": 0, \"score\": 1}}"); }
        if (!value.TryGetProperty("id", out var member) || ReplyJson.Id(member) is not { } id) { throw new RewardReplyException("a reply has no number as its 'id'; expected is the id of a request"); }
        try
        {
            bool failed = value.TryGetProperty("error", out var error) && error.ValueKind != JsonValueKind.Null;
            bool one = value.TryGetProperty("score", out var score), many = value.TryGetProperty("scores", out var scores);
            if (failed) { return new(id, RewardReply.Failed("the grader says: " + (ReplyJson.Text(error) ?? error.GetRawText()))); }
            if (one == many) { return new(id, RewardReply.Failed(one ? "the reply has both 'score' and 'scores'" : "the reply has neither 'score' nor 'error'")); }
            return new(id, RewardReply.Of(ReplyJson.Outputs(one ? score : scores)));
        }
        catch (RewardReplyException failure)
        {
            return new(id, RewardReply.Failed(failure.Message));
        }
    }
}
