using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>Shows a run to its user. Calls may come from several threads.</summary>
internal interface IRunOutput : IAsyncDisposable
{
    /// <summary>The latest step for a message; null before the first.</summary>
    string? LastStep { get; }

    /// <summary>A line from the client itself.</summary>
    void Note(string line);

    /// <summary>A stop was asked for; the line stays visible until the run ends.</summary>
    void Stopping(string line);

    /// <summary>Something that the user should act on.</summary>
    void Warn(string line);

    void Show(JobEvent happened);

    /// <summary>It has a place for what the job does at the moment, and wants to know it every few seconds.</summary>
    bool ShowsActivity => false;

    /// <summary>What the job does now, and who computes for it; null: nothing.</summary>
    void Doing(JobActivity? activity) { }

    /// <summary>Ends live progress, and shows the closing summary if one came.</summary>
    Task CloseAsync();
}
