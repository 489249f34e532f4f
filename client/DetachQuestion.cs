using Ctwa.Client.Output;

namespace Ctwa.Client;

/// <summary>What Ctrl-C asks while a job of a grid is watched: it ends the watching; the job only if the user says so.</summary>
internal static class DetachQuestion
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>Asks at a terminal whether the job is to be cancelled; null: there is nobody to ask, and the job goes on.</summary>
    /// <param name="error">Stream of questions.</param>
    public static Func<string, CancellationToken, Task<bool>>? For(TextWriter error) => Question.CanAsk
        ? (jobId, again) => Question.AskAsync(error, $"The job goes on without you. Cancel {jobId} instead?", s_patience, again)
        : null;
}
