using System.Text.Json.Nodes;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary><c>ctwa compare</c> with real silos.</summary>
public sealed class CompareTests : IDisposable
{
    private readonly Workplace _place = new();

    [Fact, Trait("Category", Workplace.Long)]
    public async Task A_killed_comparison_goes_on_and_every_run_has_the_weights_that_train_alone_gives()
    {
        string[] jobs = [Job("fixed", "method: linear"), Job("adaptive", "method: ctwa, targets: 0.9, learning_rate: 1.0")];
        string[] command = ["compare", .. jobs, "--seeds", "4,9", "--steps", "3", "--output", _place.PathOf("out"), "--parallel", "2"];
        await using (var client = CtwaProcess.Start(_place.Folder, command))
        {
            await client.WaitForOutputAsync("seed 4: step 0/3");
            client.Client.Send(UnixSignal.Kill);
            await client.WaitAsync();
            await client.WaitForSiloToLeaveAsync(TimeSpan.FromSeconds(30));
        }

        CtwaResult result;
        do
        {
            // The other silo of the killed client may hold its run for a moment.
            result = await CtwaProcess.RunAsync(_place.Folder, command);
        }
        while (result.ExitCode == 7 && result.Error.Contains("is in use by", StringComparison.Ordinal));
        Workplace.Succeeded(result);
        Assert.Contains("2 methods, seeds 4, 9", result.Output, StringComparison.Ordinal);

        var runs = JsonNode.Parse(File.ReadAllText(_place.PathOf("out/compare.json")))!["runs"]!.AsArray();
        Assert.Equal(4, runs.Select(run => (string?)run!["model_sha256"]).Distinct().Count());
        foreach (var run in runs)
        {
            string label = (string)run!["label"]!, seed = ((long)run["seed"]!).ToString(System.Globalization.CultureInfo.InvariantCulture);
            string job = _place.Write($"alone/{label}-{seed}.yaml", File.ReadAllText(_place.PathOf($"{label}.yaml")).Replace("seed: 11", $"seed: {seed}", StringComparison.Ordinal).Replace("steps: 6", "steps: 3", StringComparison.Ordinal));
            var alone = await _place.TrainLocallyAsync(job, $"alone/{label}-{seed}");
            var compared = _place.Run($"out/{label}-seed-{seed}");
            Assert.Equal(alone.ModelHash, (string?)run["model_sha256"]);
            Assert.Equal(alone.History, compared.History);
        }
    }

    [Fact]
    public async Task A_run_that_fails_is_a_row_and_the_command_ends_with_7()
    {
        string good = Job("good", "method: linear"), bad = _place.Write("bad.yaml", File.ReadAllText(good).Replace("optimizer: { learning_rate: 0.002", "optimizer: { grad_clip: 0, weight_decay: 10, learning_rate: 10", StringComparison.Ordinal).Replace("steps: 6", "steps: 60", StringComparison.Ordinal));
        var result = await CtwaProcess.RunAsync(_place.Folder, "compare", bad, good, "--seeds", "1", "--output", "out", "--allow-different", "--json");
        Assert.True(result.ExitCode == 7, result.ToString());
        var json = JsonNode.Parse(result.Output)!;
        Assert.Equal(["good", "bad"], json["methods"]!.AsArray().Select(job => (string?)job!["label"]));
        var failed = json["runs"]!.AsArray().Single(run => (string?)run!["label"] == "bad")!;
        Assert.Equal(6, (int)failed["exit_code"]!);
        Assert.Contains("not finite", (string?)failed["error"], StringComparison.Ordinal);
        Assert.Contains("schedule.steps is 6 in good, 60 in bad", json["differences"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_stops_with_checkpoints_and_prints_the_command_that_goes_on()
    {
        string[] jobs = [Job("one", "method: linear", steps: 5000), Job("two", "method: ctwa", steps: 5000)];
        await using var client = CtwaProcess.Start(_place.Folder, ["compare", .. jobs, "--seeds", "1", "--output", "out", "--set", "schedule.validate_every=1"]);
        await client.WaitForOutputAsync("one seed 1: step    2/5000");
        client.Client.SendToGroup(UnixSignal.Interrupt);
        var result = await client.WaitAsync();
        Assert.True(result.ExitCode == 130, result.ToString());
        Assert.Matches("\nstopped; continue with: .* compare .* --output out\n$", result.Output);
        Assert.StartsWith("step-", Path.GetFileName(_place.Run("out/one-seed-1").LastCheckpoint), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_place.PathOf("out/two-seed-1")));
        Assert.False(File.Exists(_place.PathOf("out/compare.md")));
    }

    public void Dispose() => _place.Dispose();

    private string Job(string name, string scalarizer, int steps = 6)
    {
        string text = File.ReadAllText(ExactnessJobs.Create("linear", odd: false).WriteTo(_place.Folder));
        return _place.Write($"{name}.yaml", text.Replace("scalarizer: { method: linear }", $"scalarizer: {{ {scalarizer} }}", StringComparison.Ordinal).Replace("steps: 6", FormattableString.Invariant($"steps: {steps}"), StringComparison.Ordinal));
    }
}
