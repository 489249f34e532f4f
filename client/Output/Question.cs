namespace Ctwa.Client.Output;

/// <summary>Asks somebody who sits at a terminal.</summary>
internal static class Question
{
    /// <summary>Both sides of the conversation are a terminal.</summary>
    public static bool CanAsk => !Console.IsInputRedirected && !Console.IsErrorRedirected;

    /// <summary>Asks until an answer comes.</summary>
    /// <param name="error">The stream that questions go to, so that a pipe of results stays clean.</param>
    /// <param name="text">The question, without its choices.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="cancellationToken">Ends the waiting: no.</param>
    /// <returns>True only for a clear yes: silence, an end of input and anything else are no.</returns>
    public static async Task<bool> AskAsync(TextWriter error, string text, TimeSpan patience, CancellationToken cancellationToken)
    {
        await error.WriteAsync($"{text} [y/N] ");
        await error.FlushAsync(cancellationToken);
        try
        {
            // The read cannot be cancelled; the process ends soon.
            string? answer = await Task.Run(Console.ReadLine, CancellationToken.None).WaitAsync(patience, cancellationToken);
            return answer?.Trim().ToLowerInvariant() is "y" or "yes";
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await error.WriteLineAsync();
            return false;
        }
    }
}
