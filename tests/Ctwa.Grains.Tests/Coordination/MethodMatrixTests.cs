using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

/// <summary>Every method, in both modes where it has them: 30 steps without a grid and on one and two lanes are one run.</summary>
public sealed class MethodMatrixTests(MethodMatrixTests.Silos silos) : IClassFixture<MethodMatrixTests.Silos>, IDisposable
{
    private readonly GridJobs _jobs = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly IReadOnlyList<MethodCase> all = MethodCase.All(text => JobSpecReader.ReadText("job", text, []).Spec is not null);

    public static TheoryData<string> Names => new(all.Select(method => method.ToString()));

    [Fact]
    public void Every_method_of_the_build_is_tried_and_those_of_the_paper_in_both_modes()
    {
        using var schema = JsonDocument.Parse(JobSchema.Json());
        string[] methods = [.. Methods(schema.RootElement)];
        Assert.True(methods.Length >= 2, string.Join(' ', methods));
        Assert.Equal(methods.Order(StringComparer.Ordinal), all.Where(method => !method.Reference).Select(method => method.Name));
        Assert.Empty(methods.Intersect(MethodCase.OfThePaper).Except(all.Where(method => method.Reference).Select(method => method.Name)));
    }

    [Theory, MemberData(nameof(Names))]
    public async Task Thirty_steps_are_finite_and_equal_without_a_grid_and_on_one_and_two_lanes(string name)
    {
        var method = all.Single(method => method.ToString() == name);
        var spec = _jobs.Read(MethodJobs.Create(method));
        var grid = ((int[])[1, 2]).Select(lanes => TrainOnGridAsync(spec, lanes, string.Create(CultureInfo.InvariantCulture, $"{name.Replace(' ', '-')}-lanes-{lanes}"))).ToArray();
        var own = Task.Run(() => _jobs.TrainLocallyAsync(spec, "local"), Token);
        await Task.WhenAll([own, .. grid]);
        var local = await own;
        var steps = local.History.Select(line => JsonNode.Parse(line)!.AsObject()).Where(line => (string?)line["stage"] == "rl" && (int)line["step"]! > 0).ToList();
        Assert.Equal(MethodJobs.Steps, steps.Count);
        // A number that is not finite cannot be written as JSON; it would be left out or be a text.
        foreach (string key in (string[])["objective/accuracy/mean", "weight/accuracy", "weight/clarity", "covariance/conciseness", "loss/policy", "gradient/norm"]) { Assert.All(steps, line => Assert.True(line[key]?.GetValueKind() is JsonValueKind.Number, $"step {line["step"]} has no {key}")); }
        Assert.All(steps.SelectMany(line => line), entry => Assert.True(entry.Value?.GetValueKind() is JsonValueKind.Number or JsonValueKind.String && (entry.Key == "stage" || entry.Value.GetValueKind() == JsonValueKind.Number), $"{entry.Key}: {entry.Value}"));
        // One of the reference's defects: PAMA stands still while an objective has no positive advantage.
        Assert.True(steps.Count(line => (double)line["gradient/norm"]! > 0) > (method.Reference ? 0 : MethodJobs.Steps / 2), "most steps train something");

        foreach (var run in await Task.WhenAll(grid))
        {
            Assert.Equal(local.ModelHash, run.ModelHash);
            Assert.Equal(State(local), State(run));
            Assert.Equal(local.History, run.History);
        }
    }

    private async Task<RunFolder> TrainOnGridAsync(JobSpec spec, int lanes, string id)
    {
        var coordinator = silos.Of(lanes).Grains.GetGrain<ICoordinatorGrain>(id);
        Assert.Null(await coordinator.Submit(_jobs.Submission(spec, id), Token));
        var (end, _) = await GridJobs.WatchAsync(coordinator, Token);
        Assert.Equal((JobStatus.Succeeded, null), (end.Status, end.Failure?.Message));
        return _jobs.Run(id);
    }

    public void Dispose() => _jobs.Dispose();

    /// <summary>The last checkpoint's state, the method's memory in it.</summary>
    private static string State(RunFolder run)
    {
        string state = File.ReadAllText(Path.Combine(run.LastCheckpoint, "state.json"));
        Assert.NotNull(JsonNode.Parse(state)!["scalarizer"]!["method"]);
        return state;
    }

    /// <summary>Names that the schema accepts for <c>scalarizer.method</c>.</summary>
    private static IEnumerable<string> Methods(JsonElement schema) => schema.ValueKind switch
    {
        JsonValueKind.Object when schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty("method", out var method) && method.TryGetProperty("const", out var name) => [name.GetString()!],
        JsonValueKind.Object => schema.EnumerateObject().SelectMany(property => Methods(property.Value)).Distinct(),
        JsonValueKind.Array => schema.EnumerateArray().SelectMany(Methods).Distinct(),
        _ => [],
    };

    /// <summary>Silos of one and two lanes for all cases: starting one takes longer than a case.</summary>
    public sealed class Silos : IAsyncLifetime
    {
        private readonly Dictionary<int, TestSilo> _silos = [];

        internal TestSilo Of(int lanes) => _silos[lanes];

        public async ValueTask InitializeAsync()
        {
            foreach (int lanes in (int[])[1, 2]) { _silos[lanes] = await TestSilo.StartAsync(lanes); }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var silo in _silos.Values) { await silo.DisposeAsync(); }
        }
    }
}
