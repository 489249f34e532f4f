using System.Runtime.InteropServices;

namespace Ctwa.Silo.Tools.Generation;

/// <summary>Ctrl-C in a conversation: the first one stops the answer in progress; one more before it has stopped, or between answers, ends the program.</summary>
internal sealed class AnswerInterrupt : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PosixSignalRegistration _registration;
    private CancellationTokenSource? _answer;

    public AnswerInterrupt() => _registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = Stop());

    /// <summary>Begins an answer; <see cref="End"/> it.</summary>
    /// <returns>Set by Ctrl-C.</returns>
    public CancellationToken Begin()
    {
        lock (_lock) { return (_answer = new CancellationTokenSource()).Token; }
    }

    /// <summary>Ends the answer.</summary>
    /// <returns>Whether it was stopped.</returns>
    public bool End()
    {
        lock (_lock)
        {
            bool stopped = _answer?.IsCancellationRequested ?? false;
            _answer?.Dispose();
            _answer = null;
            return stopped;
        }
    }

    /// <summary>What a Ctrl-C does.</summary>
    /// <returns>False: it ends the program.</returns>
    internal bool Stop()
    {
        lock (_lock)
        {
            if (_answer is not { IsCancellationRequested: false } answer) { return false; }
            answer.Cancel();
            return true;
        }
    }

    public void Dispose() => _registration.Dispose();
}
