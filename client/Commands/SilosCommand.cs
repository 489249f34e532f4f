using System.CommandLine;
using Ctwa.Client.Grid;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa silos</c>: who computes in a grid.</summary>
internal static class SilosCommand
{
    public static Command Create()
    {
        var json = JsonOption.Create();
        return new Command("silos", "List the silos of a grid: state, role, device, memory, lanes, and the jobs that they compute for.") { json }
            .WithGrid((parsed, grid) => RunAsync(grid, parsed.GetValue(json), parsed.InvocationConfiguration.Output))
            .WithExamples(("ctwa silos", "who is there"), ("ctwa silos --json | jq '.silos | map(select(.state == \"active\")) | length'", "how many take work"));
    }

    internal static async Task<int> RunAsync(GridAccess grid, bool json, TextWriter output)
    {
        var silos = await AllAsync(grid, CancellationToken.None);
        if (json) { await output.WriteLineAsync(JsonText.Write(SiloListText.Json(silos))); }
        else
        {
            foreach (string line in SiloListText.Table(silos)) { await output.WriteLineAsync(line); }
        }

        return ExitCodes.Success;
    }

    internal static Task<List<SiloOverview>> AllAsync(GridAccess grid, CancellationToken cancellationToken) => grid.UseAsync(
        async connection =>
        {
            var queue = connection.Grain<IGridGrain>(IGridGrain.Key);
            var all = new List<SiloOverview>();
            while (true)
            {
                string? last = all.Count > 0 ? all[^1].Address : null;
                var page = await grid.Calls.CallAsync(token => queue.Silos(last, token), cancellationToken);
                all.AddRange(page.Silos);
                if (!page.More || page.Silos.IsEmpty) { return all; }
            }
        },
        cancellationToken);
}
