using System.Diagnostics;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Grid;

/// <summary>The grid has not answered for longer than <see cref="Deadlines.Unreachable"/>.</summary>
/// <param name="waited">For how long.</param>
/// <param name="cause">The last error.</param>
internal sealed class GridUnreachableException(TimeSpan waited, Exception cause) : Exception(cause.Message, cause)
{
    public TimeSpan Waited { get; } = waited;

    /// <summary>The last error in one line.</summary>
    public string Cause => $"{InnerException!.GetType().Name}: {Message.Split('\n')[0].Trim()}";
}

/// <summary>Calls to a grid that may be busy for a moment: each has a deadline and is repeated while its failure can pass.</summary>
internal sealed class PatientCalls(Deadlines deadlines)
{
    /// <exception cref="GridUnreachableException">It failed for too long.</exception>
    /// <exception cref="OperationCanceledException">Cancelled by the caller.</exception>
    public async Task<T> CallAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                return await call(cancellationToken).WaitAsync(deadlines.Call, cancellationToken);
            }
            catch (Exception e) when (IsTransient(e, cancellationToken))
            {
                var waited = Stopwatch.GetElapsedTime(start);
                if (waited >= deadlines.Unreachable) { throw new GridUnreachableException(waited, e); }
            }

            await Task.Delay(deadlines.RetryDelay, cancellationToken);
        }
    }

    public Task CallAsync(Func<CancellationToken, Task> call, CancellationToken cancellationToken) => CallAsync(
        async token =>
        {
            await call(token);
            return true;
        },
        cancellationToken);

    // Orleans' own exceptions are about delivery (silo unavailable, message rejected, connection lost, client not
    // connected); an exception that a grain threw arrives as its own type and is no matter of patience. A cancellation
    // that the caller did not ask for is a silo that is shutting down.
    private static bool IsTransient(Exception e, CancellationToken cancellationToken) =>
        e is TimeoutException or OrleansException or System.Net.Sockets.SocketException or IOException
        || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested);
}
