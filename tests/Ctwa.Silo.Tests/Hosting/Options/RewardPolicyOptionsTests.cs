using System.CommandLine;
using Ctwa.Silo.Hosting.Options;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting;

/// <summary>The administrator's list on the silo's command line.</summary>
public sealed class RewardPolicyOptionsTests
{
    private static (RewardPolicy? Policy, string[] Errors) Read(params string[] arguments)
    {
        var options = new RewardPolicyOptions();
        var root = new RootCommand();
        options.AddTo(root);
        var parsed = root.Parse(arguments);
        return parsed.Errors.Count > 0 ? (null, [.. parsed.Errors.Select(error => error.Message)]) : (options.Read(parsed), []);
    }

    [Fact]
    public void Without_options_everything_is_closed()
    {
        var policy = Read().Policy!;
        Assert.Equal((false, 0, 0, 0), (policy.IsOpen, policy.Programs.Count, policy.Hosts.Count, policy.Secrets.Count));
    }

    [Fact]
    public void Options_may_be_repeated_and_add_to_the_file()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "programs: [/opt/a]\nhosts: [a.example]\n");
            var policy = Read("--allow-program", "/opt/b", "--allow-program", "/opt/c", "--allow-host", "b.example:8443", "--allow-secret", "TOKEN", "--policy", file).Policy!;
            Assert.Equal(["/opt/a", "/opt/b", "/opt/c"], policy.Programs);
            Assert.Equal(["a.example", "b.example:8443"], policy.Hosts.Select(host => host.Text));
            Assert.Equal(["TOKEN"], policy.Secrets);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Open_is_open_and_excludes_lists()
    {
        Assert.True(Read("--open-rewards").Policy!.IsOpen);
        Assert.Contains("--open-rewards allows everything", Assert.Single(Read("--open-rewards", "--allow-secret", "A").Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--allow-program", "grader", "--allow-program: 'grader' is not an absolute path")]
    [InlineData("--allow-host", "*", "--allow-host: '*' is not an allowed host")]
    [InlineData("--allow-secret", "A=b", "--allow-secret: 'A=b' is not the name")]
    [InlineData("--policy", "/no/such/policy.yaml", "--policy: Could not find file")]
    public void Wrong_entries_are_told(string option, string value, string expected) => Assert.Contains(expected, Assert.Single(Read(option, value).Errors), StringComparison.Ordinal);
}
