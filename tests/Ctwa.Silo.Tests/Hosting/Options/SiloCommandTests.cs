using System.Net;
using System.Text;
using Ctwa.Silo.Hosting.Options;
using Ctwa.Training.Randomness;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Options;

/// <summary>The silo's options from command line, environment and file.</summary>
public sealed class SiloCommandTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ctwa-options-");

    public void Dispose() => _folder.Delete(recursive: true);

    private static SiloOptions Good(string arguments, params (string Name, string Value)[] environment)
    {
        var (options, errors) = Parse(arguments, environment);
        Assert.Empty(errors);
        return options!;
    }

    private static (SiloOptions? Options, IReadOnlyList<string> Errors) Parse(string arguments, params (string Name, string Value)[] environment) =>
        SiloCommand.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries), environment.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.Ordinal));

    private string File(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    [Fact]
    public void The_defaults_are_one_closed_silo_on_loopback()
    {
        var options = Good("--cluster-id x");
        Assert.Equal(new ClusterOptions { ClusterId = "x", Advertise = IPAddress.Loopback, Bind = IPAddress.Loopback }, options.Cluster);
        Assert.Equal(new WorkOptions { Lanes = 1, Device = "auto", Computes = true, MemoryBytes = null }, options.Work);
        Assert.Equal((null, 0), (options.Folders.Data, options.Folders.AllowedRoots.Count));
        Assert.Equal(new SecurityOptions(), options.Security);
        Assert.Equal(new OperationOptions(), options.Operation);
        Assert.False(options.Rewards.IsOpen);
    }

    [Fact]
    public void A_silo_in_a_pod_knows_its_pod_and_lets_no_variable_rename_the_grid()
    {
        const string arguments = "--clustering redis --redis 127.0.0.1:1 --cluster-id x --kubernetes";
        (string, string)[] pod = [("POD_NAME", "ctwa-silo-1"), ("POD_NAMESPACE", "ctwa")];
        Assert.Equal(new PodPlace("ctwa", "ctwa-silo-1"), Good(arguments, [.. pod, ("ORLEANS_SERVICE_ID", "ctwa"), ("ORLEANS_CLUSTER_ID", "x")]).Cluster.Pod);
        Assert.Null(Good("--cluster-id x", pod).Cluster.Pod);
        Assert.Equal(["--kubernetes needs the environment variable POD_NAME; give it from the pod's field metadata.name.", "--kubernetes needs the environment variable POD_NAMESPACE; give it from the pod's field metadata.namespace."], Parse(arguments).Errors);
        Assert.Equal(["the environment variable ORLEANS_CLUSTER_ID is 'y'; with this silo's options it must be 'x', or not be set."], Parse(arguments, [.. pod, ("ORLEANS_CLUSTER_ID", "y")]).Errors);
        Assert.Equal(["the environment variable ORLEANS_SERVICE_ID is 'y'; with this silo's options it must be 'ctwa', or not be set."], Parse(arguments, [.. pod, ("ORLEANS_SERVICE_ID", "y")]).Errors);
        Assert.Equal(["--kubernetes goes with --clustering redis; --clustering localhost is one silo on loopback."], Parse("--cluster-id x --kubernetes", pod).Errors);
    }

    [Fact]
    public void Every_option_arrives()
    {
        string roots = _folder.FullName;
        string file = File("secret", "0123456789abcdef\n");
        var options = Good($"--clustering redis --redis rediss://me@10.0.0.9:7000/3 --redis-password-file {file} --redis-ca {file} --cluster-id grid-1 --silo-port 1 --gateway-port 2 --channel-port 3 "
            + $"--advertise 10.0.0.5 --bind 0.0.0.0 --device cpu --lanes 4 --role control --memory 24GB --data {roots}/d --allow-root {roots} --allow-root /tmp --secret-file {file} --tokens {file} "
            + $"--health-port 8080 --drain-timeout 5 --stuck-after 7 --tls-certificate {file} --tls-key {file} --tls-ca {file} --dashboard --parent-stdin --open-rewards");
        Assert.Equal("rediss://10.0.0.9:7000/3", options.Cluster.Redis!.ToString());
        Assert.Equal(("me", "0123456789abcdef", true, file), (options.Cluster.Redis.User, options.Cluster.Redis.Password, options.Cluster.Redis.Tls, options.Cluster.Redis.CertificateAuthority));
        Assert.Equal((1, 2, 3), (options.Cluster.SiloPort, options.Cluster.GatewayPort, options.Cluster.ChannelPort));
        Assert.Equal(("10.0.0.5", "0.0.0.0"), (options.Cluster.Advertise.ToString(), options.Cluster.Bind.ToString()));
        Assert.Equal(new WorkOptions { Lanes = 4, Device = "cpu", Computes = false, MemoryBytes = 24L << 30 }, options.Work);
        Assert.Equal(Path.Combine(roots, "d"), options.Folders.Data);
        Assert.Equal([roots, "/tmp"], options.Folders.AllowedRoots);
        Assert.Equal("0123456789abcdef", Encoding.UTF8.GetString(options.Security.Secret!.Bytes.Span));
        Assert.Equal(new TlsFiles(file, file, file), options.Security.Tls);
        Assert.Equal(file, options.Security.Tokens);
        Assert.Equal(new OperationOptions { HealthPort = 8080, Dashboard = true, DrainTimeout = TimeSpan.FromSeconds(5), StuckAfter = TimeSpan.FromSeconds(7), ParentStdin = true }, options.Operation);
    }

    [Fact]
    public void The_command_line_comes_before_the_environment_and_that_before_the_file()
    {
        string file = File("silo.json", """{ "lanes": 2, "device": "cuda:1", "role": "control", "allow-root": ["/tmp", "/"], "cluster-id": "from-file", "open-rewards": true, /* why not */ "drain-timeout": "9", }""");
        var options = Good($"--config {file} --lanes 4", ("CTWA_SILO_LANES", "3"), ("CTWA_SILO_DEVICE", "cpu"), ("CTWA_SILO", "/some/silo"), ("OTHER", "x"));
        Assert.Equal((4, "cpu", false), (options.Work.Lanes, options.Work.Device, options.Work.Computes));
        Assert.Equal(["/tmp", "/"], options.Folders.AllowedRoots);
        Assert.Equal("from-file", options.Cluster.ClusterId);
        Assert.True(options.Rewards.IsOpen);
        Assert.Equal(TimeSpan.FromSeconds(9), options.Operation.DrainTimeout);
        Assert.Equal(["/tmp", "/"], Good("", ("CTWA_SILO_CONFIG", file), ("CTWA_SILO_ALLOW_ROOT", "/tmp;/")).Folders.AllowedRoots);
    }

    [Theory]
    [InlineData("", "--cluster-id is missing; give the name of the grid, the same for its silos and clients.")]
    [InlineData("--cluster-id a/b", "--cluster-id is 'a/b'; accepted are up to 64 letters, digits, dots, underscores and dashes.")]
    [InlineData("--cluster-id x --lanes 0", "--lanes is '0'; accepted is a whole number from 1 to 1024.")]
    [InlineData("--cluster-id x --lanes many", "--lanes is 'many'; accepted is a whole number from 1 to 1024.")]
    [InlineData("--cluster-id x --silo-port 70000", "--silo-port is '70000'; accepted is a whole number from 0 to 65535.")]
    [InlineData("--cluster-id x --silo-port 5 --gateway-port 5", "--silo-port, --gateway-port and --channel-port must differ.")]
    [InlineData("--cluster-id x --clustering zookeeper", "--clustering is 'zookeeper'; accepted are localhost and redis.")]
    [InlineData("--cluster-id x --clustering redis", "--redis is missing; --clustering redis needs the address of one: HOST:PORT, redis://[USER@]HOST[:PORT][/DATABASE], or rediss://... for TLS.")]
    [InlineData("--cluster-id x --redis 127.0.0.1:1", "--redis goes with --clustering redis; --clustering localhost is one silo on loopback.")]
    [InlineData("--cluster-id x --advertise 10.0.0.1", "--advertise goes with --clustering redis; --clustering localhost is one silo on loopback.")]
    [InlineData("--cluster-id x --clustering redis --redis h:1 --advertise 0.0.0.0", "--advertise is 0.0.0.0, which is no address that others could connect to; give that of this machine.")]
    [InlineData("--cluster-id x --clustering redis --redis h:1 --bind here", "--bind is 'here'; accepted is an IP address, such as 10.0.0.5.")]
    [InlineData("--cluster-id x --clustering redis --redis redis://me:hunter2@h:1", "--redis holds a password, which every user of this machine can read in the list of processes. Give it in the environment variable CTWA_REDIS_PASSWORD or in a file (--redis-password-file).")]
    [InlineData("--cluster-id x --clustering redis --redis h:99999", "--redis has the port '99999'; accepted is a number from 1 to 65535.")]
    [InlineData("--cluster-id x --dashboard", "--dashboard needs --health-port, the port that serves it.")]
    [InlineData("--cluster-id x --role boss", "--role is 'boss'; accepted are compute and control.")]
    [InlineData("--cluster-id x --memory lots", "--memory is 'lots'; accepted is a whole number with KB, MB, GB or TB (1 KB = 1024 bytes).")]
    [InlineData("--cluster-id x --allow-root /no/such", "--allow-root is '/no/such', and there is no such folder.")]
    [InlineData("--cluster-id x --tokens /no/such", "--tokens is '/no/such', and there is no such file.")]
    [InlineData("--cluster-id x --secret-file /no/such", "--secret-file is '/no/such', and there is no such file.")]
    [InlineData("--cluster-id x --tls-ca /etc/hostname", "--tls-certificate and --tls-key missing; TLS needs --tls-certificate, --tls-key and --tls-ca.")]
    [InlineData("--cluster-id x --config /no-such.json", "--config /no-such.json cannot be read: Could not find file '/no-such.json'.")]
    public void One_mistake_is_one_clear_error(string arguments, string expected) => Assert.Equal([expected], Parse(arguments).Errors);

    [Fact]
    public void All_mistakes_are_told_at_once() => Assert.Equal(3, Parse("--lanes 0 --redis 127.0.0.1:1").Errors.Count);

    [Fact]
    public void Mistakes_of_environment_and_file_say_where_they_are()
    {
        string file = File("silo.json", """{ "lanes": 0, "lane": 3, "device": ["cpu", "cpu"] }""");
        Assert.Equal(
            [
                $"{file}: 'lane' is no option of the silo; see ctwa-silo --help.",
                $"{file}: 'device' has a list; accepted is one value.",
                "the environment variable CTWA_SILO_LANE stands for no option of the silo; see ctwa-silo --help.",
                "--drain-timeout is 'x'; accepted is a whole number from 0 to 86400. (from the environment variable CTWA_SILO_DRAIN_TIMEOUT)",
                $"--lanes is '0'; accepted is a whole number from 1 to 1024. (from {file})",
            ],
            Parse($"--cluster-id x --config {file}", ("CTWA_SILO_LANE", "1"), ("CTWA_SILO_DRAIN_TIMEOUT", "x")).Errors.Order(StringComparer.Ordinal).OrderBy(line => line.StartsWith("--", StringComparison.Ordinal)).ThenBy(line => line.StartsWith("the", StringComparison.Ordinal)).ThenByDescending(line => line.Contains("'lane'", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("[1]", "holds a list in a list; accepted is an object such as {\"lanes\": 4}.")]
    [InlineData("{\"lanes\": null}", "'lanes' has null; accepted are texts, numbers, true, false and lists of them.")]
    [InlineData("{\"lanes\": {}}", "'lanes' has an object; accepted are texts, numbers, true, false and lists of them.")]
    [InlineData("{\n\"lanes\": 1\n\"device\"", ", line 3: not JSON")]
    [InlineData("{\"lanes\": 1, \"lanes\": 2}", "not JSON")]
    public void A_wrong_file_is_told_with_its_place(string text, string expected)
    {
        string file = File("wrong.json", text);
        string error = Assert.Single(Parse($"--cluster-id x --config {file}").Errors);
        Assert.StartsWith(file, error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_come_from_the_environment_and_are_in_no_text()
    {
        var options = Good("--cluster-id x --clustering redis --redis h:1", ("CTWA_CLUSTER_SECRET", "a-secret-of-the-grid"), ("CTWA_REDIS_PASSWORD", "hunter2"));
        Assert.Equal("hunter2", options.Cluster.Redis!.Password);
        Assert.NotNull(options.Security.Secret);
        Assert.DoesNotContain("hunter2", options.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("a-secret", options.ToString(), StringComparison.Ordinal);
        Assert.Equal(["the environment variable CTWA_CLUSTER_SECRET has 5 bytes; accepted are at least 16."], Parse("--cluster-id x", ("CTWA_CLUSTER_SECRET", "short")).Errors);
        string file = File("short", "short\n");
        Assert.Equal([$"--secret-file names {file}, whose first line has 5 bytes; accepted are at least 16."], Parse($"--cluster-id x --secret-file {file}").Errors);
    }

    [Fact]
    public void A_damaged_file_of_options_is_an_error_and_never_a_crash()
    {
        byte[] whole = Encoding.UTF8.GetBytes("""{ "lanes": 2, "device": "cuda:1", "allow-root": ["/tmp", "/"], "open-rewards": true, "drain-timeout": 9.5e1, "data": "\u00e4\ud83d\ude00" }""");
        static ulong Next(int trial, int change, int number) => CounterRandom.Bits(20261127, default, trial, change, number, 0);
        string path = Path.Combine(_folder.FullName, "fuzz.json");
        int refused = 0;
        for (int trial = 0; trial < 10_000; trial++)
        {
            var bytes = whole.ToList();
            for (int change = 0; change <= trial % 4; change++)
            {
                int at = (int)(Next(trial, change, 0) % (ulong)bytes.Count);
                byte value = (byte)Next(trial, change, 1);
                switch (Next(trial, change, 2) % 4)
                {
                    case 0: bytes[at] = value; break;
                    case 1: bytes.RemoveAt(at); break;
                    case 2: bytes.Insert(at, value); break;
                    default: bytes.RemoveRange(at, Math.Min(bytes.Count - at - 1, value % 16)); break;
                }
            }

            System.IO.File.WriteAllBytes(path, [.. bytes]);
            try { _ = OptionFile.Read(path); }
            catch (FormatException wrong)
            {
                refused++;
                Assert.StartsWith(path, wrong.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(refused, 1000, 9999);
    }
}
