using Ctwa.Training.Datasets;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Runs;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;
    private readonly List<string> _warnings = [];

    private CheckpointStore Store => new(_folder);

    private static TrainingRunState State(TrainingStage stage, int step) => new()
    {
        Stage = stage, Step = step, Updates = step, PolicyVersion = step, Cursor = DatasetCursor.Start, Lengths = ResponseLengthStatistics.Start([]), CovarianceSums = [0.1, -1e-300],
    };

    private Task<string> WriteAsync(TrainingStage stage, int step, int keep = 100, Action<string>? also = null) => Store.WriteAsync(
        State(stage, step), folder =>
        {
            also?.Invoke(folder);
            return File.WriteAllTextAsync(Path.Combine(folder, "model.safetensors"), $"weights of {stage} {step}");
        }, keep);

    private string[] Names() => [.. Store.Complete().Select(path => Path.GetFileName(path)!)];

    [Fact]
    public async Task Supervised_steps_come_before_rl_steps_and_numbers_count_as_numbers()
    {
        foreach (int step in (int[])[9, 1_000_000, 10, 999_999]) { await WriteAsync(TrainingStage.Rl, step); }
        await WriteAsync(TrainingStage.Supervised, 5_000_000);
        Directory.CreateDirectory(Path.Combine(_folder, "step-notes"));
        Assert.Equal(["supervised-5000000", "step-000009", "step-000010", "step-999999", "step-1000000"], Names());
        Assert.Equal(1_000_000, Store.NewestIntact(_warnings.Add)!.Value.State.Step);
    }

    [Fact]
    public async Task A_state_is_read_as_it_was_written()
    {
        await WriteAsync(TrainingStage.Rl, 3);
        var (path, state) = Store.NewestIntact(_warnings.Add)!.Value;
        Assert.Equal("step-000003", Path.GetFileName(path));
        Assert.Equal([0.1, -1e-300], state.CovarianceSums);
        string Text(TrainingRunState one) => System.Text.Json.JsonSerializer.Serialize(one, StateJson.Options);
        Assert.Equal(Text(State(TrainingStage.Rl, 3)), Text(state));

        // What the diagnostics and a solving method remember comes back too.
        var record = new Ctwa.Training.Diagnostics.PredictionRecord().Add([1, -1], [0.5, 0.5]);
        var full = state with { Coefficients = [0.25, 0.75], Diagnostics = new() { ForwardPasses = 2.5, MeasuredSteps = 7, Covariance = record, Archive = [[1, 2], [2, 1]], LastValidation = [0.1], RealisedSince = [1e-300] } };
        Assert.Equal(Text(full), Text(System.Text.Json.JsonSerializer.Deserialize<TrainingRunState>(Text(full), StateJson.Options)!));
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task Only_the_newest_are_kept_and_supervised_ones_leave_first()
    {
        await WriteAsync(TrainingStage.Supervised, 400, keep: 2);
        foreach (int step in (int[])[5, 10, 15]) { await WriteAsync(TrainingStage.Rl, step, keep: 2); }
        Assert.Equal(["step-000010", "step-000015"], Names());
    }

    [Fact]
    public async Task An_older_checkpoint_is_deleted_only_once_the_newer_is_complete()
    {
        await WriteAsync(TrainingStage.Rl, 5, keep: 1);
        await Assert.ThrowsAsync<InvalidOperationException>(() => WriteAsync(TrainingStage.Rl, 10, keep: 1, also: _ =>
        {
            Assert.Equal(["step-000005"], Names());
            throw new InvalidOperationException("aborted");
        }));
        Assert.Equal(["step-000005"], Names());
        Assert.Single(Directory.GetDirectories(_folder));
        await WriteAsync(TrainingStage.Rl, 10, keep: 1);
        Assert.Equal(["step-000010"], Names());
    }

    [Fact]
    public async Task A_damaged_newest_checkpoint_set_aside_does_not_push_out_the_one_written_next()
    {
        foreach (int step in (int[])[5, 10, 15]) { await WriteAsync(TrainingStage.Rl, step); }
        File.AppendAllText(Path.Combine(_folder, "step-000010", "model.safetensors"), "x");
        File.Delete(Path.Combine(_folder, "step-000015", "model.safetensors"));
        Assert.Equal(5, Store.NewestIntact(_warnings.Add)!.Value.State.Step);
        Assert.Equal(2, _warnings.Count);

        Store.SetAside((stage, step) => step > 5);
        await WriteAsync(TrainingStage.Rl, 10, keep: 1);
        Assert.Equal(["step-000010"], Names());
        Assert.Null(CheckpointStore.Damage(Path.Combine(_folder, "step-000010")));
        Assert.True(Directory.Exists(Path.Combine(_folder, "damaged-step-000015")));
    }

    [Theory]
    [InlineData("{", "manifest.json")]
    [InlineData("", "manifest.json")]
    [InlineData("""{"version":1,"sha256":{}}""", "does not list state.json")]
    [InlineData("""{"version":1}""", "does not list state.json")]
    [InlineData("null", "does not list state.json")]
    public async Task A_manifest_that_vouches_for_nothing_is_damage(string manifest, string _)
    {
        string path = await WriteAsync(TrainingStage.Rl, 5);
        File.WriteAllText(Path.Combine(path, "manifest.json"), manifest);
        Assert.Null(Store.NewestIntact(_warnings.Add));
        Assert.Contains(path, _warnings[0], StringComparison.Ordinal);
        Assert.Contains("begins again", _warnings[1], StringComparison.Ordinal);
        if (_.StartsWith("does", StringComparison.Ordinal)) { Assert.Contains(_, _warnings[0], StringComparison.Ordinal); }
    }

    [Fact]
    public async Task State_of_another_version_is_refused_by_name_even_with_members_that_are_unknown_here()
    {
        string path = await WriteAsync(TrainingStage.Rl, 5), state = Path.Combine(path, "state.json"), manifest = Path.Combine(path, "manifest.json");
        string before = CheckpointStore.Hash(state);
        File.WriteAllText(state, """{"version":99,"future":true}""");
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace(before, CheckpointStore.Hash(state), StringComparison.Ordinal));
        var error = Assert.Throws<RunDirectoryException>(() => Store.NewestIntact(_warnings.Add));
        Assert.Contains("state version 99; this build reads version 1", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
