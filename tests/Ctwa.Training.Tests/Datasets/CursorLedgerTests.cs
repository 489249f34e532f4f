using System.Text.Json;
using Ctwa.Training.Datasets;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

/// <summary>
/// The ledger of a long run that is killed again and again: a state is saved as runs save it, a kill loses what was not saved,
/// and what the surviving history trained on must be every prompt once per epoch.
/// </summary>
public sealed class CursorLedgerTests : IDisposable
{
    private const int Prompts = 10_000, Epochs = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-ledger-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 8)]
    public void Ten_thousand_prompts_with_random_kills_are_read_exactly_once_per_epoch(long seed, int shards)
    {
        var reference = new DatasetOrder(seed, Prompts).Next(DatasetCursor.Start, Prompts * Epochs).Indices;
        var ledger = new List<long>();
        var state = Initial();
        Save(state);
        int kills = 0, tries = 0;
        while (ledger.Count < Prompts * Epochs)
        {
            tries++;
            // A new process knows the files only.
            state = Load();
            var order = new DatasetOrder(seed, Prompts);
            int steps = 1 + Draw(12, seed, tries, 0);
            for (int step = 0; step < steps && ledger.Count < Prompts * Epochs; step++)
            {
                int batch = Math.Min(1 + Draw(97, seed, state.Step, 1), Prompts * Epochs - ledger.Count);
                var (indices, cursor) = order.Next(state.Cursor, batch);
                // Before the save: the step is lost and done again. After it: the step counts.
                bool killedBefore = Draw(7, seed, tries, 2 + step) == 0;
                if (killedBefore) { kills++; break; }
                ledger.AddRange(OnShards(indices, shards));
                state = state with { Step = state.Step + 1, Cursor = cursor };
                Save(state);
                if (Draw(7, seed, tries, 100 + step) == 0) { kills++; break; }
            }
        }

        Assert.InRange(kills, 50, tries);
        Assert.Equal(reference, ledger);
        long[] all = [.. Enumerable.Range(0, Prompts).Select(i => (long)i)];
        var passes = ledger.Chunk(Prompts).ToList();
        Assert.Equal(Epochs, passes.Count);
        Assert.All(passes, pass => Assert.Equal(all, pass.Order()));
        Assert.Equal(new DatasetCursor(Epochs, 0), Load().Cursor);
    }

    /// <summary>Resuming with another number of shards is refused (<c>grid.shards</c>, ResumeRefusalTests); were it not, the order would be the same.</summary>
    [Fact]
    public void The_order_does_not_depend_on_shards()
    {
        long[] Order(int shards)
        {
            var order = new DatasetOrder(5, 997);
            var (cursor, read) = (DatasetCursor.Start, new List<long>());
            for (int step = 0; step < 200; step++)
            {
                (long[] indices, cursor) = order.Next(cursor, 1 + (step % 31));
                read.AddRange(OnShards(indices, shards));
            }

            return [.. read];
        }

        Assert.All([2, 3, 5, 16], shards => Assert.Equal(Order(1), Order(shards)));
    }

    [Fact]
    public void A_cursor_saved_with_more_prompts_is_refused() =>
        Assert.Throws<DatasetException>(() => new DatasetOrder(1, 50).Next(new DatasetCursor(1, 70), 1));

    /// <summary>What the shards of a step are given, in their order: together, the step's prompts.</summary>
    private static IEnumerable<long> OnShards(long[] indices, int shards)
    {
        var plan = new StepPlan(indices.Length, indices.Length, shards);
        return Enumerable.Range(0, shards).SelectMany(plan.PromptsOf).Select(place => indices[place]);
    }

    private void Save(TrainingRunState state) => File.WriteAllBytes(Path.Combine(_folder, "state.json"), JsonSerializer.SerializeToUtf8Bytes(state, StateJson.Options));

    private TrainingRunState Load() => JsonSerializer.Deserialize<TrainingRunState>(File.ReadAllBytes(Path.Combine(_folder, "state.json")), StateJson.Options)!;

    private static TrainingRunState Initial() => new() { Stage = TrainingStage.Rl, Step = 0, Updates = 0, PolicyVersion = 0, Cursor = DatasetCursor.Start, Lengths = ResponseLengthStatistics.Start([]) };

    private static int Draw(int bound, long seed, int i, int what) => CounterRandom.Below(bound, seed, RandomPurpose.TaskGeneration, i, what, 0, 0);
}
