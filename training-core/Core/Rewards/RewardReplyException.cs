namespace Ctwa.Training.Rewards;

/// <summary>A program or service answered something that is no reply; the message says where and what.</summary>
public sealed class RewardReplyException : Exception
{
    public RewardReplyException() { }
    public RewardReplyException(string message) : base(message) { }
    public RewardReplyException(string message, Exception inner) : base(message, inner) { }
}
