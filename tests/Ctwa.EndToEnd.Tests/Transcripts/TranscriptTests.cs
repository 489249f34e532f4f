using Ctwa.TestKit;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests.Transcripts;

/// <summary>Every verb as a new user meets it: its success and its commonest mistake, with real processes.</summary>
[Trait("Category", Workplace.Long)]
public sealed class TranscriptTests
{
    private static string Folder => Path.Combine(Checkout.Root, "tests", "Ctwa.EndToEnd.Tests", "Transcripts");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.txt").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task What_is_printed_is_what_is_written(string name)
    {
        string path = Path.Combine(Folder, name + ".txt");
        var transcript = Transcript.Read(path);
        await using var session = await TranscriptSession.StartAsync(transcript.NeedsGrid);
        var printed = new List<(IReadOnlyList<string>, Exchange)>();
        foreach (var (comments, exchange) in transcript.Exchanges) { printed.Add((comments, exchange with { Output = await session.AskAsync(exchange.Command) })); }
        string now = (transcript with { Exchanges = printed }).Write();
        if (Environment.GetEnvironmentVariable("CTWA_UPDATE_TRANSCRIPTS") == "1") { await File.WriteAllTextAsync(path, now, TestContext.Current.CancellationToken); }
        // If it was meant: CTWA_UPDATE_TRANSCRIPTS=1 writes the files anew; read what changed.
        Assert.Equal(transcript.Write(), now, ignoreLineEndingDifferences: true);
    }

    [Fact]
    public async Task Every_verb_has_a_success_and_a_mistake()
    {
        var result = await CtwaProcess.RunAsync(Path.GetTempPath(), "complete", "--", "");
        string[] verbs = [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0])];
        Assert.True(verbs.Length >= 20, result.ToString());
        Transcript[] all = [.. Names.Select(row => Transcript.Read(Path.Combine(Folder, row.Data + ".txt")))];
        Assert.All(verbs, verb =>
        {
            Assert.True(all.Any(one => one.ShowsSuccess(verb)), $"no transcript shows a success of ctwa {verb}.");
            Assert.True(all.Any(one => one.ShowsMistake(verb)), $"no transcript shows a mistake with ctwa {verb}.");
        });
    }
}
