using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>The alert rules, by Prometheus' own tool.</summary>
public sealed class AlertRuleTests : IDisposable
{
    private const string Rules = "ctwa.rules.yaml", Tests = "ctwa.rules.test.yaml";

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-alerts-").FullName;

    /// <summary>Folder of the rules.</summary>
    internal static string Folder { get; } = Path.Combine(Checkout.Root, "deploy", "k8s", "base", "alerts");

    [Fact]
    public async Task Promtool_accepts_the_rules_and_their_unit_tests_pass()
    {
        var (code, output) = await PromtoolAsync(Folder, "check", "rules", Rules);
        Assert.True(code == 0, output);
        (code, output) = await PromtoolAsync(Folder, "test", "rules", Tests);
        Assert.True(code == 0, output);
    }

    [Fact]
    public void Every_alert_has_a_unit_test_where_it_fires_and_one_where_it_does_not()
    {
        string[] alerts = [.. File.ReadLines(Path.Combine(Folder, Rules)).Select(line => line.Trim()).Where(line => line.StartsWith("- alert: ", StringComparison.Ordinal)).Select(line => line[9..])];
        string tests = File.ReadAllText(Path.Combine(Folder, Tests));
        Assert.NotEmpty(alerts);
        Assert.All(alerts, alert => Assert.Contains($"alertname: {alert}, exp_alerts: []", tests, StringComparison.Ordinal));
        Assert.All(alerts, alert => Assert.Contains($"alertname: {alert}\n        exp_alerts:\n          - exp_labels:", tests, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("> 3600", "> 36000")]
    [InlineData("unless on (ctwa_grid) ctwa_grid_jobs", "unless on (ctwa_grid) ctwa_grid_job")]
    [InlineData("ctwa_channel_corrupt_total[15m]", "ctwa_channel_corupt_total[15m]")]
    public async Task A_rule_that_is_spoiled_fails(string right, string wrong)
    {
        string rules = await File.ReadAllTextAsync(Path.Combine(Folder, Rules), TestContext.Current.CancellationToken);
        Assert.Contains(right, rules, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(_folder, Rules), rules.Replace(right, wrong, StringComparison.Ordinal), TestContext.Current.CancellationToken);
        File.Copy(Path.Combine(Folder, Tests), Path.Combine(_folder, Tests));
        var (code, output) = await PromtoolAsync(_folder, "test", "rules", Tests);
        Assert.NotEqual(0, code);
        Assert.Contains("FAILED", output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<(int ExitCode, string Output)> PromtoolAsync(string folder, params string[] arguments)
    {
        Assert.SkipWhen(Programs.Find("promtool") is null, "promtool is not installed (Debian: apt-get install --no-install-recommends prometheus).");
        return await Programs.RunAsync(TimeSpan.FromSeconds(60), folder, ["promtool", .. arguments]);
    }
}
