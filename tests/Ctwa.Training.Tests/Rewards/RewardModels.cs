using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>Reward models in tests.</summary>
internal static class RewardModels
{
    /// <summary>Opens one source; waits between retries are short.</summary>
    public static IRewardModel Open(RewardSpec spec, int retries = 1, double timeout = 5, List<string>? log = null) => RewardRegistry.Open(
        new RewardSource("grader", spec, retries, TimeSpan.FromSeconds(timeout), [0]), seed: 7,
        new RewardServices { FirstBackoff = TimeSpan.FromMilliseconds(5), Log = line => { lock (log ?? []) { log?.Add(line); } } });

    public static Task<RewardReply[]> ScoreAsync(this IRewardModel model, params string[] responses) =>
        model.ScoreAsync([.. responses.Select((response, i) => new ScoredCompletion($"prompt {i}", response, response.Length, $"truth {i}"))], default, TestContext.Current.CancellationToken);

    /// <summary>One number per item; NaN for failures.</summary>
    public static double[] Numbers(this RewardReply[] replies) => [.. replies.Select(reply => reply.Failure is null ? Assert.Single(reply.Outputs).Value : double.NaN)];
}
