using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Ctwa.Client.Contexts;
using Ctwa.Client.Doctor;
using Ctwa.Client.Live;
using Ctwa.Client.Tests.Commands;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Client.Tests.Doctor;

/// <summary>Each check on what is well and what is not.</summary>
public sealed class DoctorTests : IDisposable
{
    private const long Gibibyte = 1L << 30;
    private static readonly RedisEndpoint Endpoint = RedisEndpoint.Parse("h:1");
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-doctor-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(8L << 20, 16, "Ok", "8.0 GiB available of 16 GiB")]
    [InlineData(1L << 20, 16, "Warn", "1.0 GiB available of 16 GiB")]
    [InlineData(8L << 20, 1, "Warn", "1.0 GiB available of 1.0 GiB")]
    public void Memory_counts_what_the_container_allows(long kibibytes, long limit, string status, string text)
    {
        var check = MachineChecks.Memory(["MemTotal:       1 kB", $"MemAvailable:   {kibibytes} kB"], limit * Gibibyte);
        Assert.Equal((status, text), ($"{check.Status}", check.Text));
        Assert.Equal(CheckStatus.Skip, MachineChecks.Memory([], limit).Status);
    }

    [Fact]
    public void A_taken_port_is_named_with_the_way_to_who_has_it()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var check = Assert.Single(MachineChecks.Ports([port]));
        Assert.Equal((CheckStatus.Fail, $"port {port} is taken, or reserved"), (check.Status, check.Text));
        taken.Stop();
        Assert.Equal(CheckStatus.Ok, Assert.Single(MachineChecks.Ports([port])).Status);
    }

    [Fact]
    public void Folders_are_judged_without_being_made()
    {
        string missing = Path.Combine(folder, "a", "b");
        Assert.Equal(Check.Ok("runs", $"{missing} can be made"), MachineChecks.Writable("runs", missing));
        Assert.Equal(CheckStatus.Fail, MachineChecks.Writable("runs", "/proc/1/x").Status);
        Assert.NotEqual(CheckStatus.Fail, MachineChecks.Disk("disk", missing).Status);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void A_file_of_contexts_that_others_may_read_or_write_is_told()
    {
        Assert.Equal(CheckStatus.Warn, MachineChecks.Contexts(null).Status);
        var file = new ContextFile(Path.Combine(folder, "contexts.json"));
        Assert.Equal(CheckStatus.Skip, MachineChecks.Contexts(file).Status);
        file.Save(new ContextBook { Contexts = { ["a"] = new GridContext() } });
        Assert.Equal(CheckStatus.Ok, MachineChecks.Contexts(file).Status);
        File.SetUnixFileMode(file.FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.Equal(CheckStatus.Warn, MachineChecks.Contexts(file).Status);
        File.SetUnixFileMode(file.FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);
        Assert.Equal(CheckStatus.Fail, MachineChecks.Contexts(file).Status);
    }

    [Theory]
    [InlineData("redis_version=7.0.15,aof_enabled=1", "Ok redis,Ok persistence")]
    [InlineData("redis_version=7.0.15,aof_enabled=0", "Ok redis,Warn persistence")]
    [InlineData("redis_version=5.0.7,aof_enabled=1", "Fail redis,Ok persistence")]
    [InlineData("redis_version=8.1.0,server_name=valkey,aof_enabled=1,redis_mode=cluster", "Ok redis,Fail redis mode,Ok persistence")]
    [InlineData("redis_version=7.2.0,aof_enabled=1,aof_last_write_status=err", "Ok redis,Ok persistence,Fail persistence")]
    [InlineData("redis_version=7.2.0,aof_enabled=1,maxmemory=100,maxmemory_policy=allkeys-lru", "Ok redis,Ok persistence,Fail eviction")]
    [InlineData("redis_version=7.2.0,aof_enabled=1,maxmemory=0,maxmemory_policy=allkeys-lru", "Ok redis,Ok persistence")]
    public void Redis_is_judged_by_what_it_says(string info, string found)
    {
        var fields = info.Split(',').Select(field => field.Split('=')).ToDictionary(field => field[0], field => field[1]);
        Assert.Equal(found, string.Join(',', GridChecks.Judge(Endpoint, fields).Select(check => $"{check.Status} {check.Name}")));
        Assert.All(GridChecks.Judge(Endpoint, fields), check => Assert.Equal(check.Status is CheckStatus.Warn or CheckStatus.Fail, check.Advice is not null));
    }

    [Theory]
    [InlineData(0, 10, "Ok", "agrees with that of Redis")]
    [InlineData(1.5, 10, "Ok", "1.5 s behind that of Redis")]
    [InlineData(-5, 0, "Warn", "5.0 s ahead of that of Redis")]
    [InlineData(90, 0, "Fail", "90.0 s behind that of Redis")]
    [InlineData(3, 4000, "Ok", "1.0 s behind that of Redis")]
    public void A_clock_is_judged_with_the_doubt_that_the_way_brings(double ahead, double tookMs, string status, string text)
    {
        var check = GridChecks.Clock(TimeSpan.FromSeconds(ahead), TimeSpan.FromMilliseconds(tookMs));
        Assert.Equal((status, text), ($"{check.Status}", check.Text));
    }

    [Theory]
    [InlineData("""{"version":"VERSION","libtorch":"2.10.0","instructions":"avx2","processor":"Xeon","cuda_devices":0}""", 0, false, "Ok silo,Ok libtorch,Ok device")]
    [InlineData("""{"version":"VERSION","libtorch":"2.10.0","instructions":"avx2","processor":"Xeon","cuda_devices":0}""", 0, true, "Ok silo,Ok libtorch,Warn device")]
    [InlineData("""{"version":"VERSION","libtorch":"2.10.0","instructions":"avx2","processor":"Xeon","cuda_devices":2,"cuda_name":"H100"}""", 0, true, "Ok silo,Ok libtorch,Ok device")]
    [InlineData("""{"version":"0.0.9","error":"libtorch_cpu.so: cannot open"}""", 0, false, "Warn silo,Fail libtorch")]
    [InlineData("", 127, false, "Fail silo")]
    [InlineData("Segmentation fault", 139, false, "Fail silo")]
    public void The_silo_is_judged_by_its_own_words(string output, int code, bool gpu, string found)
    {
        var checks = SiloChecks.Judge("/opt/ctwa-silo", code, output.Replace("VERSION", Versions.Short, StringComparison.Ordinal), "", gpu).ToList();
        Assert.Equal(found, string.Join(',', checks.Select(check => $"{check.Status} {check.Name}")));
    }

    [Fact]
    public void A_terminal_is_judged_by_what_the_live_view_needs()
    {
        Check Of(string? term, string? lang, int columns) => MachineChecks.TerminalCheck(name => name switch { "TERM" => term, "LANG" => lang, _ => null }, redirected: false, new TerminalSize(columns, 24));
        Assert.Equal(CheckStatus.Ok, Of("xterm", "C.UTF-8", 80).Status);
        Assert.Contains("not UTF-8", Of("xterm", "C", 80).Text, StringComparison.Ordinal);
        Assert.Contains("plain lines", Of("dumb", "C.UTF-8", 80).Text, StringComparison.Ordinal);
        Assert.Equal(CheckStatus.Warn, Of("xterm", "C.UTF-8", 60).Status);
        Assert.Equal(CheckStatus.Skip, MachineChecks.TerminalCheck(_ => null, redirected: true, default).Status);
    }

    [Fact]
    public async Task A_real_Redis_tells_version_persistence_and_time()
    {
        await using var redis = await RedisRequired.StartAsync();
        using var silo = new FakeSilo("exit 1");
        var (code, output, error) = await CtwaCommandTests.RunAsync(["doctor", "--json", "--silo", silo.Script, "--redis", redis.Address, "--cluster-id", "nobody"]);
        Assert.Equal((ExitCodes.ChecksFailed, ""), (code, error));
        using var document = JsonDocument.Parse(output);
        var checks = document.RootElement.GetProperty("checks").EnumerateArray().ToDictionary(check => check.GetProperty("name").GetString()!, check => check.GetProperty("status").GetString());
        Assert.Equal(("ok", "ok", "fail"), (checks["redis"], checks["clock"], checks["grid"]));
        Assert.Contains("persistence", checks.Keys);
    }

    [Fact]
    public async Task A_failed_check_has_its_exit_code_and_the_document_says_the_same()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        using var silo = new FakeSilo($$"""echo '{"version":"{{Versions.Short}}","libtorch":"2.10.0","instructions":"avx2","processor":"Xeon","cuda_devices":0}'""");
        var (code, output, error) = await CtwaCommandTests.RunAsync(["doctor", "--json", "--silo", silo.Script, "--port", $"{port}", "--gateway", "127.0.0.1:1", "--cluster-id", "c"]);
        Assert.Equal((ExitCodes.ChecksFailed, ""), (code, error));
        Assert.Equal("tool probe", Assert.Single(silo.Starts));
        using var document = JsonDocument.Parse(output);
        Assert.False(document.RootElement.GetProperty("ok").GetBoolean());
        var checks = document.RootElement.GetProperty("checks").EnumerateArray().ToDictionary(check => check.GetProperty("name").GetString()!, check => check.GetProperty("status").GetString());
        Assert.Equal(("ok", "fail", "fail", "skip"), (checks["libtorch"], checks["ports"], checks["grid"], checks["redis"]));
    }
}
