using System.Diagnostics;
using System.Globalization;

namespace Ctwa.Silo.Tools.Models;

/// <summary>Tells on the error stream how far a long write is, and ends it when the user interrupts.</summary>
internal sealed class WriteProgress(TextWriter error, long totalBytes, CancellationToken cancellation)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _next = s_pause;
    private long _begun;

    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>The next tensor, of that size, begins.</summary>
    /// <exception cref="OperationCanceledException">The user interrupted.</exception>
    public void Begin(long sizeBytes)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_clock.Elapsed >= _next)
        {
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {100.0 * _begun / totalBytes,3:F0} %  {_begun / 1e6:N0} of {totalBytes / 1e6:N0} MB"));
            _next = _clock.Elapsed + s_pause;
        }

        _begun += sizeBytes;
    }
}
