using System.CommandLine;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Hosting;

/// <summary>The silo's command line.</summary>
internal static class SiloCommand
{
    public static RootCommand Create()
    {
        var clustering = new Option<string>("--clustering") { Description = "How silos find each other. localhost: one silo on loopback.", DefaultValueFactory = _ => "localhost" };
        clustering.AcceptOnlyFromAmong("localhost");
        var siloPort = new Option<int>("--silo-port") { Description = "Port for other silos.", Required = true };
        var gatewayPort = new Option<int>("--gateway-port") { Description = "Port for clients.", Required = true };
        var clusterId = new Option<string>("--cluster-id") { Description = "Name of the grid; clients must give the same.", Required = true };
        var lanes = new Option<int>("--lanes") { Description = "Compute lanes: threads that work on shards side by side. Never changes results.", DefaultValueFactory = _ => 1 };
        var device = new Option<string>("--device") { Description = "Where models compute: cpu, cuda, cuda:N, several as cuda:0,cuda:1, cuda:all, or auto (default): a GPU if libtorch finds one, else the CPU.", DefaultValueFactory = _ => "auto" };
        var parentStdin = new Option<bool>("--parent-stdin") { Description = "End when standard input ends, and ignore Ctrl-C: the parent decides." };
        var rewards = new RewardPolicyOptions();
        foreach (var port in new[] { siloPort, gatewayPort })
        {
            port.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<int>() is < 1 or > 65535) { result.AddError($"{port.Name} must lie between 1 and 65535."); }
            });
        }

        lanes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1024) { result.AddError("--lanes must lie between 1 and 1024."); }
        });

        var root = new RootCommand("A silo of the Ctwa grid.") { clustering, siloPort, gatewayPort, clusterId, lanes, device, parentStdin };
        rewards.AddTo(root);
        root.SetAction((parse, cancellationToken) => SiloHost.RunAsync(new SiloOptions(
            parse.GetValue(siloPort), parse.GetValue(gatewayPort), parse.GetValue(clusterId)!, parse.GetValue(lanes), parse.GetValue(device)!, parse.GetValue(parentStdin), rewards.Read(parse)), cancellationToken));
        return root;
    }
}

/// <summary>What the command line says.</summary>
internal sealed record SiloOptions(int SiloPort, int GatewayPort, string ClusterId, int Lanes, string Device, bool ParentStdin, RewardPolicy Rewards);
