using Ctwa.Grains.Abstractions;
using Ctwa.Training.Runs;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Coordination;

/// <summary>Sees a piece of work through: start, ask until it is done, start again where it was forgotten.</summary>
internal static class WorkDriver
{
    /// <summary>Nothing waits without a deadline (invariant I11). Longer than any piece of work that a shard should be given.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(60);

    private const int Attempts = 5;

    /// <param name="name">What is waited for, for messages.</param>
    /// <param name="start">Starts the work and waits a while for it; idempotent.</param>
    /// <param name="poll">Waits a while for it.</param>
    /// <param name="read">What an answer to either says.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <param name="deadline">Longest wait; null: an hour.</param>
    /// <exception cref="WorkFailedException">The work failed, or did not end in time.</exception>
    public static async Task<T> DriveAsync<TAnswer, T>(string name, Func<Task<TAnswer>> start, Func<Task<TAnswer>> poll, Func<TAnswer, (WorkStatus Status, T? Result, string? Error)> read, CancellationToken cancellationToken, TimeSpan? deadline = null)
    {
        var limit = deadline ?? s_deadline;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        int failures = 0;
        bool started = false;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (clock.Elapsed > limit) { throw new WorkFailedException(FormattableString.Invariant($"{name} did not end within {limit.TotalMinutes:0.###} minutes.")); }
            try
            {
                // Short pieces are done when they are started: one call instead of two.
                var (status, result, error) = read(await (started ? poll() : start()));
                started = true;
                switch (status)
                {
                    case WorkStatus.Done: return result!;
                    case WorkStatus.Failed when Known(name, error!) is { } known: throw known;
                    case WorkStatus.Failed: throw new WorkFailedException($"{name} failed: {error}");
                    case WorkStatus.Unknown: started = false; break;
                }
            }
            catch (Exception failure) when (failure is not ComputeLostException && IsLost(failure, cancellationToken))
            {
                // The callee may or may not have got the call; every call here is idempotent.
                if (!IsTransient(failure) || ++failures >= Attempts) { throw new ComputeLostException($"{name}: {Why(failure)}", failure); }
                started = false;
                await Task.Delay(TimeSpan.FromMilliseconds(100 * failures), cancellationToken);
            }
        }
    }

    /// <summary>Grains say what failed by its type's name; these the loop, or whoever reads why a job ended, can do something about.</summary>
    private static Exception? Known(string name, string error)
    {
        int colon = error.IndexOf(": ", StringComparison.Ordinal);
        if (colon < 0) { return null; }
        string message = error[(colon + 2)..];
        return error[..colon] switch
        {
            nameof(OutOfDeviceMemoryException) => new OutOfDeviceMemoryException($"{name}: {message}"),
            nameof(ComputeLostException) or nameof(JobNotHereException) or nameof(OperationCanceledException) or nameof(TaskCanceledException) => new ComputeLostException($"{name}: {message}"),
            nameof(JobInputException) => new JobInputException(message),
            nameof(NumericFailureException) => new NumericFailureException(message),
            nameof(IOException) or nameof(RunDirectoryException) or nameof(UnauthorizedAccessException) or nameof(DirectoryNotFoundException) or nameof(FileNotFoundException) => new IOException(message),
            _ => null,
        };
    }

    /// <summary>One call, with the same patience.</summary>
    /// <exception cref="ComputeLostException">The silo is gone, or holds nothing of the job.</exception>
    public static async Task<T> CallAsync<T>(string name, Func<Task<T>> call, CancellationToken cancellationToken)
    {
        for (int failures = 1; ; failures++)
        {
            try
            {
                return await call();
            }
            catch (Exception failure) when (IsLost(failure, cancellationToken))
            {
                if (!IsTransient(failure) || failures >= Attempts) { throw new ComputeLostException($"{name}: {Why(failure)}", failure); }
                await Task.Delay(TimeSpan.FromMilliseconds(100 * failures), cancellationToken);
            }
        }
    }

    // Orleans' text names its messages, which nobody outside it knows.
    private static string Why(Exception failure) => failure is SiloUnavailableException ? "the silo is gone." : failure.Message.Split('\n')[0];

    private static bool IsTransient(Exception failure) => failure is TimeoutException or OrleansMessageRejectionException and not SiloUnavailableException;

    // A cancellation that nobody here asked for is a silo that is shutting down. Orleans wraps what placement throws.
    private static bool IsLost(Exception failure, CancellationToken cancellationToken) =>
        IsTransient(failure) || failure is SiloUnavailableException or JobNotHereException or ComputeLostException or OrleansException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested);
}

/// <summary>A piece of work failed on its shard or slice.</summary>
public sealed class WorkFailedException : Exception
{
    public WorkFailedException() { }
    public WorkFailedException(string message) : base(message) { }
    public WorkFailedException(string message, Exception inner) : base(message, inner) { }
}
