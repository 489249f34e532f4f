using System.Runtime.ExceptionServices;

namespace Ctwa.Grains.Coordination;

/// <summary>Pieces of work side by side; the first that fails ends the others, and is what the caller is told.</summary>
internal static class SideBySide
{
    /// <summary>Answers in the order of the pieces.</summary>
    public static async Task<T[]> RunAsync<T>(IEnumerable<Func<CancellationToken, Task<T>>> pieces, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Exception? first = null;
        Task<T>[] tasks = [.. pieces.Select(RunOneAsync)];
        try
        {
            return await Task.WhenAll(tasks);
        }
        catch (Exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ExceptionDispatchInfo.Throw(first ?? new InvalidOperationException("a piece of work failed without an error."));
            throw;
        }

        async Task<T> RunOneAsync(Func<CancellationToken, Task<T>> piece)
        {
            try
            {
                return await piece(linked.Token);
            }
            catch (Exception failure)
            {
                // Whoever is ended by the first failure has nothing of its own to say.
                Interlocked.CompareExchange(ref first, failure, null);
                await linked.CancelAsync();
                throw;
            }
        }
    }
}
