using System.Runtime.InteropServices;
using System.Threading.Channels;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;
using Spectre.Console;

namespace Ctwa.Client.Live;

/// <summary>Progress that redraws itself at the bottom of a terminal, with messages scrolling above it.</summary>
internal sealed class LiveOutput : IRunOutput
{
    // Below this, redrawing costs more than it shows; above it, an arriving step is seen at once anyway.
    private static readonly TimeSpan RedrawEvery = TimeSpan.FromMilliseconds(200);

    private readonly Lock gate = new();
    private readonly RunState state = new();
    private readonly Channel<StyledLine> above = Channel.CreateUnbounded<StyledLine>();
    private readonly LiveScreen screen;
    private readonly TextWriter terminal;
    private readonly RunDirectory run;
    private readonly Glyphs glyphs;
    private readonly Func<TerminalSize> size;
    private readonly PosixSignalRegistration? resized;
    private readonly Task drawing;
    private readonly CancellationTokenSource closing = new();
    private TaskCompletionSource redraw = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? notice;
    private bool closed;

    /// <param name="terminal">Where it draws.</param>
    /// <param name="run">The run.</param>
    /// <param name="glyphs">Characters.</param>
    /// <param name="color">With colours.</param>
    /// <param name="size">Asks for the terminal's size.</param>
    public LiveOutput(TextWriter terminal, RunDirectory run, Glyphs glyphs, bool color, Func<TerminalSize> size)
    {
        (this.terminal, this.run, this.glyphs, this.size) = (terminal, run, glyphs, size);
        screen = new LiveScreen(terminal, color, glyphs.Cut);
        // Without the signal, the next look at the size shows it.
        resized = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Volatile.Read(ref redraw).TrySetResult());
        drawing = Task.Run(DrawAsync);
    }

    public string? LastStep
    {
        get { lock (gate) { return state.LastStep; } }
    }

    public bool ShowsActivity => true;

    public void Note(string line) => Above(line);

    public void Stopping(string line)
    {
        lock (gate) { notice = line; }
    }

    public void Warn(string line) => Above("warning: " + line, LiveStyle.Notice);

    public void Show(JobEvent happened)
    {
        lock (gate) { state.Apply(happened); }
        if (happened.Kind == JobEventKind.Warning && RunState.MessageOf(happened) is { } warning) { Warn(warning); }
        if (happened.Kind == JobEventKind.Message && RunState.MessageOf(happened) is { } message) { Above(message, LiveStyle.Dim); }
        if (happened.Kind == JobEventKind.Checkpoint && RunState.PathOf(happened) is { } path) { Above($"checkpoint {run.Display(path)}", LiveStyle.Dim); }
    }

    public void Doing(JobActivity? activity)
    {
        lock (gate) { state.Apply(activity); }
    }

    public async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref closed, true)) { return; }
        await closing.CancelAsync();
        await drawing;
        resized?.Dispose();
        if (state.Summary is not { } summary) { return; }
        if (glyphs == Glyphs.Unicode)
        {
            SummaryView.Write(AnsiConsole.Console, summary, run.Display);
            return;
        }

        await terminal.WriteLineAsync();
        foreach (string line in SummaryText.Format(summary, run.Display)) { await terminal.WriteLineAsync(TerminalText.Line(line.Replace(Glyphs.Unicode.PlusMinus, glyphs.PlusMinus, StringComparison.Ordinal))); }
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        closing.Dispose();
    }

    private void Above(string text, LiveStyle style = LiveStyle.Normal)
    {
        if (drawing.IsCompleted)
        {
            foreach (string line in text.Split('\n')) { terminal.WriteLine(TerminalText.Line(line)); }
            return;
        }

        foreach (string line in text.Split('\n')) { above.Writer.TryWrite(new StyledLine(line, style)); }
    }

    private async Task DrawAsync()
    {
        bool last;
        do
        {
            last = closing.IsCancellationRequested;
            var lines = new List<StyledLine>();
            while (above.Reader.TryRead(out var line)) { lines.Add(line); }
            var now = size();
            IReadOnlyList<StyledLine> picture;
            lock (gate)
            {
                // The last picture stays: what the job did at that moment is over.
                if (last) { state.Apply((JobActivity?)null); }
                picture = LiveView.Draw(run.JobId, state, last ? null : notice, now, glyphs);
            }

            screen.Draw(picture, now.Columns, lines);
            var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref redraw, signal);
            // Cancelled, the delay ends at once: one more picture, the last.
            await Task.WhenAny(signal.Task, Task.Delay(RedrawEvery, closing.Token));
        }
        while (!last);
    }
}
