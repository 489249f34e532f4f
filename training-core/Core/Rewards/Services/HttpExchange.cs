namespace Ctwa.Training.Rewards.Services;

/// <summary>How one request ended.</summary>
/// <param name="Replies">One per item; null if the request failed.</param>
/// <param name="Failure">Why it failed.</param>
/// <param name="Whole">The failure is about the service, not about what was in the request: smaller requests would fail alike.</param>
/// <param name="RetryAfter">How long the service asks to be left alone.</param>
internal sealed record HttpExchange(RewardReply[]? Replies, string? Failure, bool Whole, TimeSpan? RetryAfter)
{
    public static HttpExchange Failed(string failure, bool whole, TimeSpan? retryAfter = null) => new(null, failure, whole, retryAfter);
}
