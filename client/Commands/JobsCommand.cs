using System.CommandLine;
using System.Globalization;
using Ctwa.Client.Grid;
using Ctwa.Client.Jobs;
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
        root.Add(Show());
        return root.WithExamples(("ctwa jobs", "all jobs of the current context's grid"), ("ctwa jobs --json | jq -r '.jobs[] | select(.state == \"running\") | .id'", "ids of running jobs"), ("ctwa jobs --quota 2", "let two jobs run at a time"));
    }

    private static Command Add(Command command)
    {
        var json = JsonOption.Create();
        var quota = new Option<int?>("--quota") { Description = "Let so many jobs run at a time from now on (admin).", HelpName = "N" };
        command.Add(json);
        command.Add(quota);
        return command.WithGrid((parsed, grid) => RunAsync(grid, parsed.GetValue(json), parsed.GetValue(quota), parsed.InvocationConfiguration.Output, RememberedJobs.Find(Environment.GetEnvironmentVariable)));
    }

    private static Command Show()
    {
        var id = GridCommand.JobId();
        var json = JsonOption.Create();
        return new Command("show", "Show everything that a grid remembers of a job.") { id, json }.WithGrid(async (parsed, grid) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            var job = await grid.JobAsync(parsed.GetValue(id)!, CancellationToken.None);
            if (parsed.GetValue(json)) { await output.WriteLineAsync(JsonText.Write(JobListText.Json(job))); }
            else
            {
                foreach (string line in JobListText.Details(job)) { await output.WriteLineAsync(line); }
            }

            return ExitCodes.Success;
        }).WithExamples(("ctwa jobs show tiny-20261127-081511", "state, step, times, silos and the reason of a failure"));
    }

    internal static async Task<int> RunAsync(GridAccess grid, bool json, int? quota, TextWriter output, RememberedJobs? remembered = null)
    {
        if (quota is { } jobs)
        {
            await grid.DoAsync((queue, token) => queue.SetQuota(jobs, token), CancellationToken.None);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{jobs} job{(jobs == 1 ? "" : "s")} at a time"));
            return ExitCodes.Success;
        }

        var (all, limit) = await grid.UseAsync(connection => AllAsync(connection.Grain<IGridGrain>(IGridGrain.Key), grid.Calls), CancellationToken.None);
        remembered?.Add(all.AsEnumerable().Reverse().Select(job => job.JobId));
        if (json) { await output.WriteLineAsync(JsonText.Write(JobListText.Json(all, limit))); }
        else
        {
            foreach (string line in JobListText.Table(all, limit)) { await output.WriteLineAsync(line); }
        }

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
