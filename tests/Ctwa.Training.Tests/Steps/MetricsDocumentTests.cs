using System.Text.Json;
using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Diagnostics;
using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>docs/metrics.md and what runs write are the same names.</summary>
public sealed partial class MetricsDocumentTests : IDisposable
{
    private static readonly string[] Objectives = ["accuracy", "conciseness", "clarity"];

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    /// <summary>Documented names of a section and of its subsections that some run of this test must show.</summary>
    private static HashSet<string> Documented(string section)
    {
        string text = File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "docs", "metrics.md"));
        string body = text.Split("\n## ").Single(part => part.StartsWith(section + "\n", StringComparison.Ordinal));
        return [.. body.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).SelectMany(line => Name().Matches(line.Split('|')[1]).Select(match => match.Groups[1].Value))];
    }

    [Fact]
    public async Task Runs_write_the_documented_names_and_no_others()
    {
        var job = TinyJobs.Arithmetic(steps: 2, warmStartSteps: 1, hidden: 8);
        job = job with { Loss = new LossSpec { EntropyCoefficient = 0.01, Kl = new KlSpec { Coefficient = 0.1 } }, Schedule = job.Schedule with { ValidationPrompts = 3 } };
        JobSpec[] jobs =
        [
            job with { Diagnostics = new DiagnosticsSpec { GramEvery = 1 } },
            job with { Scalarizer = new CtwaScalarizerSpec { Mode = MethodMode.Reference, Targets = new(0.15) } },
            job with { Scalarizer = new CtwaScalarizerSpec { Targets = new(0.25) } },
            job with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Gae }, Loss = job.Loss with { Kind = LossKind.KlCov } },
            job with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Remax }, RewardKl = new RewardKlSpec { Coefficient = 0.1 } },
            job with { Scalarizer = new LinearScalarizerSpec(), Objectives = [job.Objectives[0] with { OnFailure = FailurePolicy.DropSample, Retries = 0 }, job.Objectives[1], job.Objectives[2]] },
        ];
        HashSet<string> metrics = [], samples = [], summary = [], state = [], fingerprint = [];
        for (int i = 0; i < jobs.Length; i++)
        {
            var run = new RunFolder(Path.Combine(_folder, $"{i}"), jobs[i]);
            // The first has scores that differ in every objective, so that every ratio exists; the last has failures.
            await run.FinishAsync(i == 0 || i == jobs.Length - 1 ? [new ScriptedReward((call, _) => i > 0 && call % 5 == 0 ? double.NaN : call % 3), new ScriptedReward((call, _) => call % 4), new ScriptedReward((call, _) => call % 5)] : null);
            metrics.UnionWith(run.Observer.Lines.SelectMany(Names));
            samples.UnionWith(Directory.GetFiles(run.In("samples")).SelectMany(File.ReadLines).SelectMany(Names));
            summary.UnionWith(Names(File.ReadAllText(run.In("summary.json"))));
            state.UnionWith(Names(File.ReadAllText(run.In("state.json"))));
            fingerprint.UnionWith(Names(File.ReadAllText(Path.Combine(run.Checkpoints.Complete()[^1], "fingerprint.json"))));
        }

        // Every method's own metrics, in both modes where it has them; and what such short runs rarely show: who paid for whom, no gradient of length 0.
        foreach (var method in MethodCase.All(text => JobSpecReader.ReadText("job", text, []).Spec is not null))
        {
            var scalarizer = JobSpecReader.ReadText("job", MethodJobs.Create(method).Yaml, []).Spec!.Scalarizer;
            double[] weights = [0.5, 0.25, 0.25];
            var run = new RunFolder(Path.Combine(_folder, method.ToString()), job with { Scalarizer = scalarizer, Objectives = [.. job.Objectives.Select((objective, j) => objective with { Weight = weights[j] })] });
            await run.FinishAsync();
            metrics.UnionWith(run.Observer.Lines.SelectMany(Names));
        }

        var line = new MetricsLine(TrainingStage.Rl, 1, 1);
        line.AddInterference(Objectives, [(0, 1)]);
        foreach (var (name, value) in new GradientGeometry(new double[,] { { 2, -1, 0 }, { -1, 2, 0 }, { 0, 0, 1 } }).Metrics(Objectives)) { line.Add(name, value); }
        metrics.UnionWith(Names(line.ToString()));
        Equal("metrics.jsonl", metrics);
        Equal("samples/", samples);
        Equal("summary.json", summary);
        Equal("state.json", state);
        Equal("fingerprint.json", fingerprint);
    }

    [Fact]
    public async Task What_every_line_has_is_on_every_line()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), TinyJobs.Arithmetic(steps: 1, warmStartSteps: 1, hidden: 8));
        await run.FinishAsync();
        Assert.Equal(3, run.Observer.Lines.Count);
        Assert.All(run.Observer.Lines, line => Assert.Superset(new HashSet<string> { "stage", "step", "steps_total", "time/step_s", "throughput/tokens_per_s" }, Names(line).ToHashSet()));
    }

    [Fact]
    public void The_nested_names_of_the_summary_are_documented()
    {
        string text = File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "docs", "metrics.md"));
        var summary = new System.Text.Json.Nodes.JsonObject();
        var before = new HeldOutBaseline(9, [new(0.1, 0.01), new(0.9, 0.01)]);
        RunReport.AddTo(summary, [new() { Name = "up", Reward = new ClarityRewardSpec() }, new() { Name = "down", Reward = new MathBoxedRewardSpec() }], before, new HeldOutResult([new(0.8, 0.01), new(0.2, 0.01)], 7, 10), [0.1, -0.1]);
        Assert.NotEmpty(summary["interference"]!.AsArray());
        foreach (string list in (string[])["objectives", "interference", "length"])
        {
            var node = summary[list]!;
            var item = node is System.Text.Json.Nodes.JsonArray array ? array[0]!.AsObject() : node.AsObject();
            string row = text.Split('\n').Single(line => line.StartsWith($"| `{list}` |", StringComparison.Ordinal));
            Assert.All(item, entry => Assert.Contains($"`{entry.Key}`", row, StringComparison.Ordinal));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Equal(string section, HashSet<string> written)
    {
        var documented = Documented(section);
        Assert.True(documented.SetEquals(written), $"{section}: not documented: {string.Join(", ", written.Except(documented))}; documented but not written: {string.Join(", ", documented.Except(written))}");
    }

    /// <summary>Keys of a JSON object with objectives' names replaced by NAME.</summary>
    private static IEnumerable<string> Names(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateObject().Select(property => string.Join('/', property.Name.Split('/').Select(part => Objectives.Contains(part) ? "NAME" : part)))];
    }

    [GeneratedRegex("`([^`]+)`", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
