using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Access;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Orleans.Runtime;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs.Access;

/// <summary>Who may do what on silos with a file of tokens.</summary>
public sealed class GridAccessTests : IDisposable
{
    private static readonly string Tokens = TokenTableTests.Text(
        TokenTableTests.Entry("tv", "read", "r"), TokenTableTests.Entry("alice", "submit", "a"), TokenTableTests.Entry("bob", "submit", "b"), TokenTableTests.Entry("root", "admin", "x"));

    private readonly GridJobs _jobs = new();
    private readonly FakeCoordinators _coordinators = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Roles_are_what_they_say_and_silos_still_speak_to_each_other()
    {
        await using var cluster = await StartAsync(silos: 2);
        var grid = cluster.Grid;

        As(null);
        await RefusedAsync("refused: no token was given; set CTWA_TOKEN to one of this grid.", () => grid.List(0, Token), () => grid.Submit(Request("no"), Token));
        As("wrong");
        await RefusedAsync("refused: the token is not one of this grid; ask its administrator for one.", () => grid.List(0, Token), () => grid.Submit(Request("no"), Token));
        As("r");
        await RefusedAsync("refused: 'tv' has the role read, and this needs submit.", () => grid.Submit(Request("no"), Token));
        Assert.Empty((await grid.List(0, Token)).Jobs);

        As("a");
        var answer = await grid.Submit(Request("of-alice"), Token);
        Assert.Equal("alice", answer.Job!.SubmittedBy);
        string id = answer.Job.JobId;
        // The queue, its storage and the coordinators are reached by calls between silos.
        await cluster.WaitAsync(id, job => job.Begun, Token);
        await RefusedAsync("refused: 'alice' has the role submit, and this needs admin.", () => grid.SetQuota(3, Token));
        As("b");
        await RefusedAsync($"'bob' may only act on their own jobs, and {id} is not one; an admin's token may.", () => grid.Pause(id, Token), () => grid.Cancel(id, Token), () => grid.Resume(id, Token), () => grid.SetPriority(id, 1, Token));
        Assert.NotNull(await grid.Get(id, Token));
        As("a");
        Assert.Null(await grid.SetPriority(id, 1, Token));
        As("x");
        Assert.Null(await grid.SetPriority(id, 2, Token));
        Assert.Null(await grid.SetQuota(3, Token));
        Assert.Null(await grid.Cancel(id, Token));
        await cluster.WaitAsync(id, job => job.State == JobState.Cancelled, Token);
    }

    [Fact]
    public async Task Clients_reach_nothing_but_the_queue_and_its_watchers_whatever_their_role()
    {
        await using var cluster = await StartAsync();
        var client = cluster.Cluster.Client;
        As("x");
        string silo = cluster.Cluster.Silos[0].SiloAddress.ToParsableString();
        await RefusedAsync(
            null,
            () => client.GetGrain<ICoordinatorGrain>("job").Submit(new JobSubmission("{}", "/x", false), Token),
            () => client.GetGrain<ICoordinatorGrain>("job").Stop(Token),
            () => client.GetGrain<ISiloGrain>($"-/-1|{silo}").Describe(Token),
            () => client.GetGrain<IRewardModelGrain>("job/0").Poll("x", Token),
            () => client.GetGrain<IManagementGrain>(0).GetHosts(),
            () => client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero),
            () => cluster.Grid.Tend(Token),
            () => client.GetGrain<Ctwa.Grains.Jobs.IJobSpecGrain>("job").Load(Token));
        Assert.Equal(JobStatus.Unknown, (await client.GetGrain<ICoordinatorGrain>("job").Watch(0, Token)).Status);
        As("r");
        Assert.Equal(JobStatus.Unknown, (await client.GetGrain<ICoordinatorGrain>("job").Watch(0, Token)).Status);
    }

    [Fact]
    public async Task What_a_client_says_about_itself_counts_for_nothing()
    {
        await using var cluster = await StartAsync();
        As("r");
        RequestContext.Set(GridCaller.Header, new GridCaller("root", GridRole.Admin));
        await RefusedAsync("refused: 'tv' has the role read, and this needs admin.", () => cluster.Grid.SetQuota(9, Token));
        foreach (object proof in (object[])[new byte[32], "x", true, new byte[1 << 16]])
        {
            RequestContext.Set(SiloProof.Header, proof);
            await RefusedAsync(null, () => cluster.Grid.SetQuota(9, Token), () => cluster.Grid.Tend(Token));
        }

        RequestContext.Set(SiloProof.Header, new byte[32]);
        As("b");
        RequestContext.Set(GridCaller.Header, new GridCaller("alice", GridRole.Admin));
        Assert.Equal("bob", (await cluster.Grid.Submit(Request("r"), Token)).Job!.SubmittedBy);
    }

    [Fact]
    public async Task A_refusal_is_logged_once_per_client_and_reason_without_the_token()
    {
        await using var cluster = await StartAsync();
        for (int i = 0; i < 5; i++)
        {
            As("wrong-token-1");
            await RefusedAsync(null, () => cluster.Grid.List(0, Token));
            As("r");
            await RefusedAsync(null, () => cluster.Grid.SetQuota(2, Token), () => cluster.Grid.Submit(Request("x"), Token));
        }

        string[] refusals = [.. cluster.Log.Where(line => line.Contains("refused a call of", StringComparison.Ordinal))];
        Assert.Equal(3, refusals.Length);
        Assert.DoesNotContain(cluster.Log, line => line.Contains("wrong-token-1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_file_of_tokens_everybody_may_do_everything()
    {
        await using var cluster = await JobCluster.StartAsync(new JobClusterOptions { StateFolder = _jobs.Folder, Coordinators = _coordinators });
        As(null);
        var job = (await cluster.Grid.Submit(Request("r"), Token)).Job!;
        Assert.Equal("local", job.SubmittedBy);
        Assert.Null(await cluster.Grid.SetQuota(2, Token));
        Assert.Null(await cluster.Grid.Cancel(job.JobId, Token));
    }

    public void Dispose()
    {
        RequestContext.Clear();
        _jobs.Dispose();
    }

    private static void As(string? token)
    {
        RequestContext.Clear();
        if (token is not null) { RequestContext.Set(GridHeaders.Token, token); }
    }

    private static async Task RefusedAsync(string? message, params Func<Task>[] calls)
    {
        foreach (var call in calls)
        {
            var refused = await Assert.ThrowsAsync<GridAccessException>(call);
            if (message is not null) { Assert.Equal(message, refused.Message); }
        }
    }

    private Task<JobCluster> StartAsync(short silos = 1) => JobCluster.StartAsync(new JobClusterOptions { Silos = silos, StateFolder = _jobs.Folder, Coordinators = _coordinators, Tokens = Tokens });

    private JobRequest Request(string run) => new(JobSpecJson.Serialize(_jobs.Read(ExactnessJobs.Create("linear", odd: false))), Path.Combine(_jobs.Folder, run), _jobs.Folder, 0, false, Guid.NewGuid().ToString("N"));
}
