using System.Diagnostics;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// Notices shards that take much longer than the others and has a second silo do their piece as well. Both do the same
/// arithmetic, so whichever is first may win.
/// </summary>
/// <param name="shards">Shards.</param>
/// <param name="factor">Multiple of the median that is too long; 0: never.</param>
internal sealed class StragglerWatch(int shards, double factor)
{
    // Shorter pieces are not worth a second try.
    private static readonly TimeSpan s_least = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly List<double> _done = [];
    private int _duplicates;

    /// <summary>Shards that a second silo did as well.</summary>
    public int Duplicates => _duplicates;

    /// <summary>When each shard was done, from the start.</summary>
    public double[] Seconds { get; } = new double[shards];

    /// <summary>Runs a shard's piece, a second time elsewhere if it straggles.</summary>
    /// <param name="shard">Shard.</param>
    /// <param name="silo">Where it belongs.</param>
    /// <param name="other">Another silo for it; null: there is none.</param>
    /// <param name="run">Runs it on a silo.</param>
    /// <param name="cancellationToken">Ends both.</param>
    /// <returns>The first result, and where it is.</returns>
    public async Task<(T Result, string Silo)> RunAsync<T>(int shard, string silo, Func<string?> other, Func<string, CancellationToken, Task<T>> run, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var first = run(silo, end.Token);
        // Not after a cancellation: a cancelled delay is over at once, and this loop would hold the turn that the piece needs to end in.
        while (factor > 0 && !first.IsCompleted && !cancellationToken.IsCancellationRequested && !Straggles()) { await Task.WhenAny(first, Task.Delay(s_look, cancellationToken)); }
        if (factor <= 0 || first.IsCompleted || cancellationToken.IsCancellationRequested || other() is not { } second) { return (Note(shard, await first), silo); }

        Interlocked.Increment(ref _duplicates);
        var again = run(second, end.Token);
        var winner = await Task.WhenAny(first, again);
        // A silo that failed has not won; the other may still.
        if (!winner.IsCompletedSuccessfully) { winner = winner == first ? again : first; }
        var result = await winner;
        await end.CancelAsync();
        await ((Task)(winner == first ? again : first)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return (Note(shard, result), winner == first ? silo : second);
    }

    private T Note<T>(int shard, T result)
    {
        Seconds[shard] = _clock.Elapsed.TotalSeconds;
        lock (_done) { _done.Add(Seconds[shard]); }
        return result;
    }

    private bool Straggles()
    {
        lock (_done)
        {
            if (_clock.Elapsed < s_least || _done.Count * 2 < shards) { return false; }
            double median = _done.Order().ElementAt(_done.Count / 2);
            return _clock.Elapsed.TotalSeconds > factor * median;
        }
    }
}
