using System.Threading.Channels;
using Ctwa.Client.Jobs;
using Ctwa.Grains.Abstractions;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ctwa.Client.Output;

/// <summary>Progress that redraws itself at the bottom of a terminal, with messages scrolling above it.</summary>
internal sealed class LiveOutput : IRunOutput
{
    // Below this, redrawing costs more than it shows; above it, an arriving step is seen at once anyway.
    private static readonly TimeSpan RedrawEvery = TimeSpan.FromMilliseconds(200);

    private readonly Lock gate = new();
    private readonly RunState state = new();
    private readonly Channel<string> above = Channel.CreateUnbounded<string>();
    private readonly IAnsiConsole console;
    private readonly RunDirectory run;
    private readonly Task drawing;
    private readonly CancellationTokenSource closing = new();
    private string? notice;
    private bool closed;

    public LiveOutput(IAnsiConsole console, RunDirectory run)
    {
        this.console = console;
        this.run = run;
        drawing = Task.Run(DrawAsync);
    }

    public string? LastStep
    {
        get { lock (gate) { return state.LastStep; } }
    }

    public void Note(string line) => above.Writer.TryWrite(Markup.Escape(line));

    public void Stopping(string line)
    {
        lock (gate) { notice = line; }
    }

    public void Warn(string line) => above.Writer.TryWrite($"[yellow]warning:[/] {Markup.Escape(line)}");

    public void Show(JobEvent happened)
    {
        lock (gate) { state.Apply(happened); }
        if (happened.Kind == JobEventKind.Warning && RunState.MessageOf(happened) is { } warning) { Warn(warning); }
        if (happened.Kind == JobEventKind.Message && RunState.MessageOf(happened) is { } message) { above.Writer.TryWrite($"[grey]{Markup.Escape(message)}[/]"); }
        if (happened.Kind == JobEventKind.Checkpoint && RunState.PathOf(happened) is { } path) { above.Writer.TryWrite($"[grey]checkpoint {Markup.Escape(run.Display(path))}[/]"); }
    }

    public async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref closed, true)) { return; }
        await closing.CancelAsync();
        await drawing;
        if (state.Summary is { } summary) { SummaryView.Write(console, summary, run.Display); }
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        closing.Dispose();
    }

    private async Task DrawAsync() =>
        await console.Live(LiveView.Draw(run.JobId, state, notice: null)).StartAsync(async live =>
        {
            bool last;
            do
            {
                last = closing.IsCancellationRequested;
                while (above.Reader.TryRead(out string? line)) { console.Write(new LineAbove(line)); }
                lock (gate) { live.UpdateTarget(LiveView.Draw(run.JobId, state, last ? null : notice)); }
                live.Refresh();
                try { await Task.Delay(RedrawEvery, closing.Token); }
                catch (OperationCanceledException) { /* One more picture, the last. */ }
            }
            while (!last);
        });

    // Spectre writes over the old picture without erasing it, which leaves the ends of its lines behind a shorter one.
    private sealed class LineAbove(string markup) : Renderable
    {
        protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
            [Segment.Control("\e[J"), .. ((IRenderable)new Markup(markup)).Render(options, maxWidth), Segment.LineBreak];
    }
}
