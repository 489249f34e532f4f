using Ctwa.Training.Randomness;

namespace Ctwa.Training.Rewards;

/// <summary>Waits that double, from a first one to ten seconds, shortened by up to a half so that many callers do not come back together.</summary>
/// <param name="seed">The job's seed: the waits are a function of it and of the counters, as every random number here.</param>
/// <param name="first">Wait before the first retry.</param>
internal sealed class Backoff(long seed, TimeSpan first)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(10);
    private int _calls;

    /// <param name="attempt">Retries so far.</param>
    public TimeSpan After(int attempt)
    {
        double wait = Math.Min(first.TotalMilliseconds * Math.Pow(2, Math.Min(attempt, 20)), s_longest.TotalMilliseconds);
        double draw = CounterRandom.Uniform(seed, RandomPurpose.RewardBackoff, attempt, 0, 0, Interlocked.Increment(ref _calls));
        return TimeSpan.FromMilliseconds(wait * (1 - (draw / 2)));
    }
}
