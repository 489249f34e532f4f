using System.Globalization;
using System.Net;
using Ctwa.Deploy.Tests.Api;
using Ctwa.Deploy.Tests.Host;
using Ctwa.Deploy.Tests.Manifests;
using Ctwa.Silo.Hosting;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Deploy.Tests;

/// <summary>Real silos, a real Redis and the real client, all with what the manifests give their pods, beside a Kubernetes API that keeps the roles of the manifests.</summary>
public sealed class GridOfPodsTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_silo_whose_pod_was_deleted_is_taken_off_the_list_though_it_still_answers()
    {
        await using var grid = await GridOfPods.StartAsync();
        await using var first = grid.Start("aaaaa");
        await first.Silo.ReadyAsync();
        await using var second = grid.Start("bbbbb");
        await second.Silo.ReadyAsync();
        await UntilAsync(() => grid.Api.Watchers >= 2, () => "silos do not watch pods: " + string.Join(", ", grid.Api.Requests));

        grid.Api.Delete("ctwa", second.Name);
        // Nothing else would end a silo in good health. It learns of its death from the list of members.
        await second.Silo.EndAsync();
        Assert.Contains($"since its corresponding pod, {second.Name}, has been deleted", first.Silo.Text, StringComparison.Ordinal);
        Assert.False(first.Silo.Exited.IsCompleted);
        // All that silos ask for is what the role lets them have.
        Assert.All(grid.Api.Requests.Where(request => request.StartsWith("sa:", StringComparison.Ordinal)), request => Assert.Matches("^sa:ctwa-silo GET /api/v1/namespaces/ctwa/pods.* 200$", request));
    }

    [Fact]
    public async Task A_silo_that_starts_takes_members_without_pods_off_the_list()
    {
        await using var grid = await GridOfPods.StartAsync();
        await using (var lost = grid.Start("aaaaa"))
        {
            await lost.Silo.ReadyAsync();
            lost.Silo.Send(UnixSignal.Kill);
            await lost.Silo.EndAsync();
            grid.Api.Delete("ctwa", lost.Name);
        }

        await using var next = grid.Start("bbbbb");
        await next.Silo.ReadyAsync();
        Assert.Contains("does not correspond to any known pod. Marking it as dead.", next.Silo.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_does_not_let_silos_see_pods_is_told_at_once()
    {
        await using var grid = await GridOfPods.StartAsync(rendered => rendered.Replace("  - list\n", "", StringComparison.Ordinal));
        await using var pod = grid.Start("aaaaa");
        Assert.Equal(SiloExitCodes.KubernetesRefused, await pod.Silo.EndAsync());
        Assert.Contains("error: --kubernetes: the Kubernetes API refused (HTTP 403): pods is forbidden: User \"sa:ctwa-silo\" cannot list resource \"pods\" in API group \"\". The service account of the pod must be allowed to get, list and watch pods in the namespace ctwa.", pod.Silo.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_without_the_labels_of_its_grid_is_told_at_once_and_its_labels_stay()
    {
        await using var grid = await GridOfPods.StartAsync();
        await using var pod = grid.Start("aaaaa", environment => environment["CTWA_SILO_CLUSTER_ID"] = environment["ORLEANS_CLUSTER_ID"] = "other");
        Assert.Equal(SiloExitCodes.KubernetesRefused, await pod.Silo.EndAsync());
        Assert.Contains($"the pod {pod.Name} lacks the label orleans/clusterId: other.", pod.Silo.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(grid.Api.Requests, request => request.Contains(" PATCH ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_Kubernetes_API_a_silo_says_so_and_ends()
    {
        await using var grid = await GridOfPods.StartAsync();
        await using var pod = grid.Start("aaaaa", environment =>
        {
            string file = environment["KUBECONFIG"];
            File.WriteAllText(file, File.ReadAllText(file).Replace(grid.Api.Address.Port.ToString(CultureInfo.InvariantCulture), Ctwa.TestKit.Grid.FreePorts.Find(1)[0].ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        });
        Assert.Equal(SiloExitCodes.KubernetesRefused, await pod.Silo.EndAsync());
        Assert.Contains("does not answer", pod.Silo.Text, StringComparison.Ordinal);
        Assert.Contains("Check that a NetworkPolicy lets the silo reach it.", pod.Silo.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_clients_pod_reaches_the_grid_and_a_laptop_does_where_the_pods_address_leads_through_a_forwarded_port()
    {
        const string podIp = "127.31.7.9";
        await using var grid = await GridOfPods.StartAsync();
        // It listens on one address and tells another, as a pod does to whoever is not in its network.
        await using var pod = grid.Start("aaaaa", environment => environment["CTWA_SILO_ADVERTISE"] = podIp);
        var ports = await pod.Silo.ReadyAsync();
        Assert.StartsWith(podIp + ":", ports["address"], StringComparison.Ordinal);
        int gateway = int.Parse(ports["gateway"], CultureInfo.InvariantCulture);
        // kubectl port-forward --address POD_IP, with that address on the laptop's loopback.
        await using var forwarded = new PortForward(new IPEndPoint(IPAddress.Parse(podIp), gateway), new IPEndPoint(IPAddress.Loopback, gateway));
        var workload = grid.Manifests.Workloads.Single(one => one.IsClient);
        var errors = new List<string>();
        var inside = PodEnvironment.Resolve(grid.Manifests, workload, workload.Pod.Containers.Single(), "ctwa-client-1", errors);
        Assert.Empty(errors);
        inside["CTWA_REDIS"] = grid.Redis.Address;
        inside["HOME"] = Path.GetTempPath();
        var (code, output) = await RunClientAsync(inside, "jobs");
        Assert.True(code == 0, output);

        var laptop = new Dictionary<string, string>(StringComparer.Ordinal) { ["CTWA_CLUSTER_ID"] = inside["CTWA_CLUSTER_ID"], ["CTWA_TOKEN"] = inside["CTWA_TOKEN"], ["HOME"] = inside["HOME"] };
        string address = string.Create(CultureInfo.InvariantCulture, $"{podIp}:{gateway}");
        (code, output) = await RunClientAsync(laptop, "jobs", "--gateway", address);
        Assert.True(code == 0, output);
        Assert.True(forwarded.Accepted > 1, "the client did not come through the forwarded port");
        laptop["CTWA_TOKEN"] = "another";
        (code, output) = await RunClientAsync(laptop, "jobs", "--gateway", address);
        Assert.True(code == 9, output);
    }

    [Fact]
    public async Task Probes_of_a_pod_turn_as_Kubernetes_needs_them_to()
    {
        await using var grid = await GridOfPods.StartAsync();
        await using var pod = grid.Start("aaaaa");
        var health = await pod.Silo.HealthAsync();
        using var http = new HttpClient { BaseAddress = health };
        var container = grid.Manifests.Workloads.Single(one => one.Name == "Deployment ctwa-silo").Pod.Containers.Single();
        foreach (var probe in new[] { container.StartupProbe, container.LivenessProbe, container.ReadinessProbe })
        {
            await UntilAsync(async () => (await http.GetAsync(new Uri(health, probe.HttpGet.Path), Token)).StatusCode == HttpStatusCode.OK, () => $"{probe.HttpGet.Path} does not answer 200");
        }

        pod.Silo.Send(UnixSignal.Terminate);
        Assert.Equal(0, await pod.Silo.EndAsync());
        Assert.Contains("this silo leaves", pod.Silo.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redis_of_the_manifests_keeps_what_it_is_told_and_lets_nobody_in_without_the_password()
    {
        var set = ManifestSet.Read("overlays/dev", await Kustomize.RenderAsync("overlays/dev"));
        await using var redis = await RenderedRedis.StartAsync(set);
        string password = redis.Environment["REDISCLI_AUTH"];
        foreach (var (name, value) in new[] { ("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction"), ("save", "") })
        {
            var (code, output) = await redis.RunAsync(password, "CONFIG", "GET", name);
            Assert.Equal((0, $"{name}\n{value}".TrimEnd()), (code, output.TrimEnd()));
        }

        Assert.NotEqual(0, (await redis.RunAsync("wrong", "-e", "ping")).ExitCode);
        // Commands of Orleans and of the grid's scripts.
        Assert.Equal("1", (await redis.RunAsync(password, "EVAL", "return redis.call('HSET', KEYS[1], 'a', redis.call('TIME')[1])", "1", "x")).Output.Trim());
    }

    private static Task<(int ExitCode, string Output)> RunClientAsync(IReadOnlyDictionary<string, string> environment, params IReadOnlyList<string> arguments)
    {
        return Programs.RunAsync(s_patience, Path.GetTempPath(), ["env", "-i", "PATH=" + Environment.GetEnvironmentVariable("PATH"), $"{ChildRuntime.Variable}={ChildRuntime.Folder}", .. environment.Select(pair => $"{pair.Key}={pair.Value}"), Checkout.Client, .. arguments]);
    }

    private static Task UntilAsync(Func<bool> holds, Func<string> otherwise) => UntilAsync(() => Task.FromResult(holds()), otherwise);

    private static async Task UntilAsync(Func<Task<bool>> holds, Func<string> otherwise)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(start) > s_patience) { throw new TimeoutException(otherwise()); }
            await Task.Delay(100, Token);
        }
    }
}
