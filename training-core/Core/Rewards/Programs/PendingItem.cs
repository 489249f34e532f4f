using System.Text.Json;

namespace Ctwa.Training.Rewards.Programs;

/// <summary>A completion that waits for its reply.</summary>
internal sealed class PendingItem(string objective, ScoredCompletion completion)
{
    private readonly TaskCompletionSource<RewardReply> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Failed attempts that this item alone is to blame for.</summary>
    public int Attempts { get; private set; }

    public Task<RewardReply> Reply => _reply.Task;

    /// <summary>The request line under a number.</summary>
    public void WriteTo(Stream stream, long id)
    {
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("objective", objective);
            RequestJson.Write(json, completion);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }

    public void Succeed(RewardReply reply) => _reply.TrySetResult(reply with { Retries = Attempts });

    /// <summary>Counts a failed attempt.</summary>
    /// <returns>True: it may be tried again.</returns>
    public bool Fail(string reason, int retries)
    {
        if (Attempts++ < retries) { return true; }
        GiveUp(reason);
        return false;
    }

    public void GiveUp(string reason) => _reply.TrySetResult(RewardReply.Failed(reason, Math.Max(0, Attempts - 1)));

    public void Cancel() => _reply.TrySetCanceled();
}
