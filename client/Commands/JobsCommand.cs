using System.CommandLine;
using System.Globalization;
using Ctwa.Client.Grid;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa jobs</c>: what a grid has to do and has done.</summary>
internal static class JobsCommand
{
    public static Command Create()
    {
        var root = Add(new Command("jobs", "List the jobs of a grid, or set how many run at a time."));
        root.Add(Add(new Command("list", "The same.")));
        return root;
    }

    private static Command Add(Command command)
    {
        var json = new Option<bool>("--json") { Description = "One JSON object per job and line." };
        var quota = new Option<int?>("--quota") { Description = "Let so many jobs run at a time from now on (admin).", HelpName = "N" };
        command.Add(json);
        command.Add(quota);
        return command.WithGrid((parsed, grid) => RunAsync(grid, parsed.GetValue(json), parsed.GetValue(quota), parsed.InvocationConfiguration.Output));
    }

    internal static async Task<int> RunAsync(GridAccess grid, bool json, int? quota, TextWriter output)
    {
        if (quota is { } jobs)
        {
            await grid.DoAsync((queue, token) => queue.SetQuota(jobs, token), CancellationToken.None);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{jobs} job{(jobs == 1 ? "" : "s")} at a time"));
            return ExitCodes.Success;
        }

        var (all, limit) = await grid.UseAsync(connection => AllAsync(connection.Grain<IGridGrain>(IGridGrain.Key), grid.Calls), CancellationToken.None);
        foreach (string line in json ? all.Select(JobListText.Json) : JobListText.Table(all, limit)) { await output.WriteLineAsync(line); }
        return ExitCodes.Success;
    }

    private static async Task<(List<JobRecord> Jobs, int Quota)> AllAsync(IGridGrain grid, PatientCalls calls)
    {
        var all = new List<JobRecord>();
        while (true)
        {
            long last = all.Count > 0 ? all[^1].Number : 0;
            var page = await calls.CallAsync(token => grid.List(last, token), CancellationToken.None);
            all.AddRange(page.Jobs);
            if (!page.More || page.Jobs.IsEmpty) { return (all, page.Quota); }
        }
    }
}
