using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Ctwa.Training.Rewards.Programs;
using Ctwa.Training.Rewards.Services;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>docs/rewards.md shows requests as they are sent, replies as they are read, and jobs and policies that are valid.</summary>
public sealed partial class RewardsDocumentTests
{
    private static readonly string page = File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "docs", "rewards.md"));

    private static readonly ScoredCompletion shown = new("What is 12 * 3?", "12 * 3 = 36", 6, "36");

    private static string[] Blocks(string kind)
    {
        string[] blocks = [.. Example().Matches(page).Where(match => match.Groups[1].Value == kind).Select(match => match.Groups[2].Value.Trim())];
        Assert.NotEmpty(blocks);
        return blocks;
    }

    [Fact]
    public void The_request_of_a_program_is_the_one_that_is_written()
    {
        using var line = new MemoryStream();
        new PendingItem("style", shown).WriteTo(line, 7);
        Assert.Equal(Assert.Single(Blocks("process request")), Encoding.UTF8.GetString(line.ToArray()).TrimEnd('\n'));
        Assert.DoesNotContain("\n", Encoding.UTF8.GetString(line.ToArray())[..^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_request_to_a_service_is_the_one_that_is_sent()
    {
        string? body = null;
        using var service = new FakeService(request =>
        {
            body = request.Body;
            return FakeService.Ok("""{"scores":[1]}""");
        });
        var source = new RewardSource("found", new HttpRewardSpec { Url = service.Url }, 0, TimeSpan.FromSeconds(20), [0]);
        using var model = RewardRegistry.Open(source, 1, new RewardServices());
        await model.ScoreAsync([shown], default, TestContext.Current.CancellationToken);
        Assert.Equal(Assert.Single(Blocks("http request")), body);
    }

    [Fact]
    public void Replies_are_read()
    {
        foreach (string block in Blocks("process reply"))
        {
            using var document = ReplyJson.Parse(Encoding.UTF8.GetBytes(block));
            var reply = ItemReply.Read(document.RootElement);
            Assert.Equal(7, reply.Id);
            Assert.Equal(block.Contains("error", StringComparison.Ordinal), reply.Reply.Failure is not null);
        }

        foreach (string block in Blocks("http reply"))
        {
            var reply = Assert.Single(HttpReplies.Read(Encoding.UTF8.GetBytes(block), 1));
            Assert.Equal(block.Contains("error", StringComparison.Ordinal), reply.Failure is not null);
        }
    }

    [Fact]
    public void Jobs_and_policies_are_valid()
    {
        var jobs = Yaml().Matches(page).Select(match => match.Groups[1].Value).ToList();
        Assert.True(jobs.Count >= 2, $"{jobs.Count} jobs");
        Assert.All(jobs, job => Assert.Empty(JobSpecReader.ReadText("docs/rewards.md", job, []).Errors));
        Assert.Equal(3, RewardPolicyFile.ReadText("policy", Policy().Match(page).Groups[1].Value).Hosts.Count);
    }

    [Fact]
    public void Every_kind_and_every_key_of_it_is_described()
    {
        var kinds = typeof(RewardSpec).GetCustomAttributes(typeof(System.Text.Json.Serialization.JsonDerivedTypeAttribute), inherit: false).Cast<System.Text.Json.Serialization.JsonDerivedTypeAttribute>().ToList();
        Assert.Equal(kinds.Select(kind => (string)kind.TypeDiscriminator!), Row().Matches(page).Select(match => match.Groups[1].Value));
        foreach (var kind in kinds)
        {
            string section = page[page.IndexOf($"\n### `{kind.TypeDiscriminator}`", StringComparison.Ordinal)..];
            section = section[..section.IndexOf("\n##", 1, StringComparison.Ordinal)];
            var keys = kind.DerivedType.GetProperties().Where(property => property.DeclaringType == kind.DerivedType && property.Name != "EqualityContract").Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            Assert.All(keys.Except(["path"]), key => Assert.Matches($@"`{key}[`:]", section));
        }
    }

    [Fact]
    public async Task The_example_service_answers_as_documented()
    {
        Assert.SkipWhen(ProgramPath.Find("python3") is null, "there is no python3 on the PATH.");
        var start = new System.Diagnostics.ProcessStartInfo("python3", ["-u", Path.Combine(GoldenFolder.RepositoryRoot, "examples", "rewards", "server.py"), "0"]) { RedirectStandardError = true };
        start.Environment["GRADER_TOKEN"] = "for-this-test";
        using var process = System.Diagnostics.Process.Start(start)!;
        try
        {
            string line = (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken))!;
            string url = line[line.IndexOf("http", StringComparison.Ordinal)..] + "/score";
            Environment.SetEnvironmentVariable("CTWA_TEST_GRADER_TOKEN", "for-this-test");
            using var model = RewardModels.Open(new HttpRewardSpec { Url = url, TokenEnv = "CTWA_TEST_GRADER_TOKEN", BatchSize = 2 }, retries: 0);
            var replies = await model.ScoreAsync([shown, shown with { GroundTruth = "37" }, shown with { GroundTruth = "" }], default, TestContext.Current.CancellationToken);
            Assert.Equal([1, 0, double.NaN], replies.Numbers());
            Assert.Equal("the grader says: no ground truth", replies[2].Failure);
            using var stranger = RewardModels.Open(new HttpRewardSpec { Url = url }, retries: 0);
            Assert.Contains("status 401", Assert.Single(await stranger.ScoreAsync("x")).Failure, StringComparison.Ordinal);
        }
        finally
        {
            process.Kill();
        }
    }

    [Fact]
    public async Task The_example_program_answers_as_documented()
    {
        Assert.SkipWhen(ProgramPath.Find("python3") is null, "there is no python3 on the PATH.");
        using var model = RewardModels.Open(new ProcessRewardSpec { Command = ["python3", Path.Combine(GoldenFolder.RepositoryRoot, "examples", "rewards", "grader.py")] });
        var reply = (await model.ScoreAsync("Step 1: add. Step 2: add.", ""))[0];
        Assert.Equal([new RewardOutput("structure", 2.0 / 3), new RewardOutput("variety", 4.0 / 6)], reply.Outputs);
    }

    [GeneratedRegex("^<!-- ([a-z ]+) -->\n```json\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Example();

    [GeneratedRegex("^```yaml\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Yaml();

    [GeneratedRegex("^```yaml policy\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Policy();

    [GeneratedRegex(@"^\| \[`([a-z0-9_]+)`\]", RegexOptions.Multiline)]
    private static partial Regex Row();
}
