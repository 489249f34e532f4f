using System.Text.Json;

namespace Ctwa.Training.Rewards.Services;

/// <summary>The body of a service's reply: <c>{"scores": [...]}</c> in the order of the items, or <c>{"results": [{"id": 0, "score": 1}, ...]}</c>.</summary>
internal static class HttpReplies
{
    /// <summary>Replies of <paramref name="count"/> items, numbered from 0.</summary>
    /// <exception cref="RewardReplyException">The body is not such a reply.</exception>
    public static RewardReply[] Read(ReadOnlyMemory<byte> body, int count)
    {
        using var document = ReplyJson.Parse(body);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object) { throw new RewardReplyException($"the reply is {root.ValueKind}; expected is an object with 'scores' or 'results'"); }
        bool inOrder = root.TryGetProperty("scores", out var scores), byId = root.TryGetProperty("results", out var results);
        if (inOrder == byId) { throw new RewardReplyException(inOrder ? "the reply has both 'scores' and 'results'" : "the reply has neither 'scores' nor 'results'"); }
        var list = inOrder ? scores : results;
        if (list.ValueKind != JsonValueKind.Array) { throw new RewardReplyException($"'{(inOrder ? "scores" : "results")}' is {list.ValueKind}; expected is a list"); }
        return inOrder ? InOrder(list, count) : ById(list, count);
    }

    private static RewardReply[] InOrder(JsonElement scores, int count)
    {
        if (scores.GetArrayLength() != count) { throw new RewardReplyException(FormattableString.Invariant($"'scores' has {scores.GetArrayLength()} entries for {count} items")); }
        return [.. scores.EnumerateArray().Select(score =>
        {
            try { return RewardReply.Of(ReplyJson.Outputs(score)); }
            catch (RewardReplyException error) { return RewardReply.Failed(error.Message); }
        })];
    }

    private static RewardReply[] ById(JsonElement results, int count)
    {
        if (results.GetArrayLength() > count) { throw new RewardReplyException(FormattableString.Invariant($"'results' has {results.GetArrayLength()} entries for {count} items")); }
        var replies = new RewardReply?[count];
        foreach (var result in results.EnumerateArray())
        {
            var (id, reply) = ItemReply.Read(result);
            if (id < 0 || id >= count) { throw new RewardReplyException(FormattableString.Invariant($"id {id} is none of the items, which are numbered from 0 to {count - 1}")); }
            if (replies[id] is not null) { throw new RewardReplyException(FormattableString.Invariant($"id {id} has two results")); }
            replies[id] = reply;
        }

        return [.. replies.Select((reply, id) => reply ?? RewardReply.Failed(FormattableString.Invariant($"the reply has no result for id {id}")))];
    }
}
