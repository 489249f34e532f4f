using System.IO.Hashing;
using System.Runtime.InteropServices;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;

namespace Ctwa.Training.Steps;

/// <summary>What leaves a shard about its completions.</summary>
public static class CompletionSummaries
{
    /// <summary>Length, end and a hash of the ids.</summary>
    public static CompletionSummary Of(Completion completion) =>
        new(completion.Tokens.Length, completion.Stopped, XxHash3.HashToUInt64(MemoryMarshal.AsBytes(completion.Tokens.AsSpan())));

    /// <summary>Σ divergence from the reference policy over the tokens; 0 where it was not measured.</summary>
    public static double Divergence(Completion completion)
    {
        double sum = 0;
        foreach (float token in completion.Signals?.Divergence ?? []) { sum += token; }
        return sum;
    }

    /// <summary>Texts for people.</summary>
    public static CompletionText Text(PreparedJob job, RandomPurpose purpose, Completion completion)
    {
        var described = job.Describe(purpose, completion);
        return new CompletionText(completion.Prompt.StepIndex, completion.Sample, described.Prompt, described.Response, described.GroundTruth);
    }
}
