using System.CommandLine;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;

namespace Ctwa.Client.Commands;

/// <summary>How a command that looks on at a run shows it.</summary>
internal sealed class ViewOptions
{
    private readonly Option<bool> plain = new("--plain") { Description = "Plain lines on a terminal too, as in a pipe." };
    private readonly Option<bool>? json;

    /// <param name="json">It can also print JSON; null: it cannot.</param>
    public ViewOptions(Option<bool>? json = null) => this.json = json;

    public void AddTo(Command command)
    {
        command.Add(plain);
        if (json is not null) { command.Add(json); }
    }

    /// <summary>Opens the view of a run directory.</summary>
    public IRunOutput Open(ParseResult parsed, RunDirectory run) =>
        Terminal.Open(parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, run, parsed.GetValue(plain), json is not null && parsed.GetValue(json));

    /// <summary>The same for a run of a grid, whose directory this machine need not see.</summary>
    public IRunOutput OpenOnGrid(ParseResult parsed, string directory) => Open(parsed, RunDirectory.OnGrid(directory, Environment.CurrentDirectory));
}
