using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class RewardPolicyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-policy-").FullName;

    private static JobSpec Job(params RewardSpec[] rewards) => Jobs.SmallSpec with { Objectives = [.. rewards.Select((reward, i) => new ObjectiveSpec { Name = $"o{i}", Reward = reward })] };

    private string Program(string name)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "#!/bin/sh\n");
        if (!OperatingSystem.IsWindows()) { File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute); }
        return path;
    }

    [Fact]
    public void A_closed_silo_refuses_everything_that_a_job_uses_and_names_all_of_it()
    {
        string grader = Program("grader");
        var job = Job(
            new ProcessRewardSpec { Command = [grader, "x"], Environment = ["HF_TOKEN"] },
            new HttpRewardSpec { Url = "https://grader.example.org/score", TokenEnv = "GRADER_TOKEN" },
            new HttpRewardSpec { Url = "http://10.0.0.1:8000/", Insecure = true },
            new MathBoxedRewardSpec());
        var refused = RewardPolicy.Closed.Refusals(job);
        Assert.Equal(5, refused.Count);
        Assert.StartsWith($"objectives[0].reward.command: the program '{grader}' (objective o0) is not allowed on this silo; its administrator can allow it with --allow-program {grader}.", refused[0], StringComparison.Ordinal);
        Assert.StartsWith("objectives[0].reward.environment[0]: the environment variable 'HF_TOKEN'", refused[1], StringComparison.Ordinal);
        Assert.EndsWith("--allow-host grader.example.org:443.", refused[2], StringComparison.Ordinal);
        Assert.EndsWith("--allow-secret GRADER_TOKEN.", refused[3], StringComparison.Ordinal);
        Assert.EndsWith("--allow-host http://10.0.0.1:8000.", refused[4], StringComparison.Ordinal);
        Assert.Empty(RewardPolicy.Open.Refusals(job));

        // What each refusal recommends is what allows it.
        var policy = new RewardPolicy { Programs = [grader], Hosts = [HostPattern.Parse("grader.example.org:443"), HostPattern.Parse("http://10.0.0.1:8000")], Secrets = ["HF_TOKEN", "GRADER_TOKEN"] };
        Assert.Empty(policy.Refusals(job));
    }

    [Fact]
    public void Shared_reward_models_are_decided_about_too()
    {
        var job = Jobs.SmallSpec with { RewardModels = [new RewardModelSpec { Name = "judge", Reward = new HttpRewardSpec { Url = "https://a.example/" } }] };
        Assert.Contains("reward_models[0].reward.url", Assert.Single(RewardPolicy.Closed.Refusals(job)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_is_the_file_behind_its_links_and_no_other()
    {
        string real = Program("real/grader"), other = Program("other/grader");
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), real);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "folder"), Path.Combine(_folder, "real"));
        var policy = new RewardPolicy { Programs = [Path.Combine(_folder, "link")] };
        int Refused(string program) => policy.Refusals(Job(new ProcessRewardSpec { Command = [program] })).Count;
        Assert.Equal([0, 0, 0, 0], ((string[])[real, Path.Combine(_folder, "link"), Path.Combine(_folder, "folder", "grader"), Path.Combine(_folder, "other", "..", "real", "grader")]).Select(Refused));
        Assert.Equal([1, 1, 1], ((string[])[other, real + "x", "sh"]).Select(Refused));
        File.CreateSymbolicLink(Path.Combine(_folder, "circle"), Path.Combine(_folder, "circle"));
        Assert.Equal(1, Refused(Path.Combine(_folder, "circle")));
        Assert.Empty((policy with { Programs = ["/bin/sh"] }).Refusals(Job(new ProcessRewardSpec { Command = ["sh"] })));
    }

    [Theory]
    [InlineData("a.example", "https://a.example/x", true)]
    [InlineData("a.example", "https://A.Example/x", true)]
    [InlineData("a.example", "https://a.example:8443/", false)]
    [InlineData("a.example:8443", "https://a.example:8443/", true)]
    [InlineData("a.example", "http://a.example/", false)]
    [InlineData("http://a.example", "http://a.example/", true)]
    [InlineData("http://a.example", "https://a.example/", true)]
    [InlineData("a.example", "https://a.example.evil.org/", false)]
    [InlineData("a.example", "https://evil.org/a.example", false)]
    [InlineData("127.0.0.1:8000", "http://127.0.0.1:8000/score", true)]
    [InlineData("localhost:8000", "http://localhost:8000/score", true)]
    [InlineData("127.0.0.1", "http://127.0.0.1:8000/score", false)]
    [InlineData("[::1]:8000", "http://[::1]:8000/score", true)]
    public void Hosts_are_compared_whole_with_their_ports(string entry, string url, bool expected) => Assert.Equal(expected, HostPattern.Parse(entry).Allows(new Uri(url)));

    [Theory]
    [InlineData("")]
    [InlineData("*.example.org")]
    [InlineData("a.example/path")]
    [InlineData("user@a.example")]
    [InlineData("a.example:99999")]
    [InlineData("ftp://a.example")]
    public void Entries_that_are_no_hosts_are_refused(string entry) => Assert.Contains("is not an allowed host", Assert.Throws<FormatException>(() => HostPattern.Parse(entry)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_policy_file_has_three_lists()
    {
        var policy = RewardPolicyFile.ReadText("policy.yaml", "programs: [/opt/graders/math]\nhosts:\n  - grader.example.org:8443\nsecrets: [GRADER_TOKEN]\n");
        Assert.Equal(["/opt/graders/math", "grader.example.org:8443", "GRADER_TOKEN"], policy.Programs.Concat(policy.Hosts.Select(host => host.Text)).Concat(policy.Secrets));
        Assert.Equal(policy.Secrets, RewardPolicyFile.ReadText("policy.json", """{"secrets": ["GRADER_TOKEN"]}""").Secrets);
        Assert.Equivalent(RewardPolicy.Closed, RewardPolicyFile.ReadText("policy.yaml", ""));
    }

    [Theory]
    [InlineData("program: [/x]", "policy.yaml(1,1): program: unknown key; known are: programs, hosts, secrets.")]
    [InlineData("programs: /x", "policy.yaml(1,11): programs: is text")]
    [InlineData("programs: [grader]", "policy.yaml(1,12): programs: 'grader' is not an absolute path of a program.")]
    [InlineData("hosts: ['*']", "policy.yaml(1,9): hosts: '*' is not an allowed host")]
    [InlineData("secrets: [a=b]", "'a=b' is not the name of an environment variable")]
    [InlineData("- x", "is a list; expected is a mapping")]
    public void A_broken_policy_file_is_refused_with_the_place(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => RewardPolicyFile.ReadText("policy.yaml", text)).Message, StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
