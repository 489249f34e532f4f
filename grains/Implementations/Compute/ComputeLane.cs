using System.Collections.Concurrent;
using TorchSharp;

namespace Ctwa.Grains.Compute;

/// <summary>
/// A dedicated thread for tensor work. libtorch runs here and never on a grain's turn: a blocked turn starves the
/// silo's scheduler, and scopes and gradient modes of libtorch are per thread (invariant I9).
/// </summary>
public sealed class ComputeLane : IDisposable
{
    private readonly BlockingCollection<Action> _queue = [];
    private readonly Thread _thread;
    private long _since;

    /// <param name="index">Number of the lane, for names.</param>
    /// <param name="nativeThreads">Threads that libtorch may use for one operation on this lane.</param>
    public ComputeLane(int index, int nativeThreads)
    {
        Index = index;
        _thread = new Thread(() => Run(nativeThreads)) { IsBackground = true, Name = $"ctwa-lane-{index}" };
        _thread.Start();
    }

    public int Index { get; }

    /// <summary>How long the present piece of work has been running; zero if none does.</summary>
    public TimeSpan Working => Interlocked.Read(ref _since) is var since && since == 0 ? TimeSpan.Zero : System.Diagnostics.Stopwatch.GetElapsedTime(since);

    /// <summary>Runs work on the lane, in the order of the calls.</summary>
    /// <returns>Completes off the lane's thread.</returns>
    public Task<T> RunAsync<T>(Func<T> work)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _queue.Add(() =>
        {
            try
            {
                completion.SetResult(work());
            }
            catch (Exception failure)
            {
                // Whatever the work threw belongs to its caller; the lane goes on.
                completion.SetException(failure);
            }
        });
        return completion.Task;
    }

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(Action work) => RunAsync(() =>
    {
        work();
        return true;
    });

    public void Dispose()
    {
        _queue.CompleteAdding();
        _thread.Join(TimeSpan.FromSeconds(30));
        _queue.Dispose();
    }

    private void Run(int nativeThreads)
    {
        torch.set_num_threads(nativeThreads);
        foreach (var work in _queue.GetConsumingEnumerable())
        {
            Interlocked.Exchange(ref _since, System.Diagnostics.Stopwatch.GetTimestamp());
            work();
            Interlocked.Exchange(ref _since, 0);
        }
    }
}
