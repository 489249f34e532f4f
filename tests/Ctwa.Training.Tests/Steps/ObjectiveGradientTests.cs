using System.Runtime.InteropServices;
using Ctwa.Training.Advantages;
using Ctwa.Training.Gradients;
using Ctwa.Training.Losses;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Gradients per objective on one shared forward pass: rows, their Gram matrix, and the two ways to combine them.</summary>
public sealed class ObjectiveGradientTests : IDisposable
{
    private static readonly double[] Alpha = [0.7, -0.2, 1.3];

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;
    private readonly PreparedJob _job;
    private readonly PolicyMemory _memory;
    private readonly ShardWorker _worker;
    private readonly Completion[] _completions;
    private readonly OutcomeAdvantages[] _advantages;

    public ObjectiveGradientTests()
    {
        var spec = TinyJobs.Arithmetic();
        spec = spec with { Loss = new LossSpec { ClipLow = 0.02, ClipHigh = 0.02, EntropyCoefficient = 0.05, Kl = new KlSpec { Coefficient = 0.3 } } };
        _job = PreparedJob.Prepare(spec, _folder);
        _memory = new PolicyMemory(_job.Layout, CPU);
        PolicyFiles.Load(_job, _memory, null, null);
        _worker = new ShardWorker(_job, _memory);
        var sampling = new SamplingSettings { Seed = 3, Purpose = RandomPurpose.Sampling, Step = 1, Temperature = 1, MaxNewTokens = 12, SamplesPerPrompt = 4, StopTokens = _job.StopTokens };
        var plan = StepPlan.Single(6, 1);
        _completions = _worker.Generate(new RolloutRequest(new RolloutId(RandomPurpose.Sampling, 1), plan, [0, 1, 2, 3, 4, 5], sampling), 0);

        // The policy moves on after sampling, so that ratios differ from 1 and clipping is active.
        Move(_memory.EnsureReference(), 11, from: _memory.Weights);
        Move(_memory.Weights, 12, from: _memory.Weights);
        int[] lengths = [.. _completions.Select(completion => completion.Tokens.Length)];
        bool[] valid = [.. _completions.Select((_, i) => i != 5)];
        _advantages = [.. Enumerable.Range(0, 3).Select(m => OutcomeAdvantages.PerCompletion([.. _completions.Select((_, i) => Number(m, i) - 0.5)], lengths, valid))];
    }

    [Fact]
    public void A_row_is_the_gradient_of_its_objective_alone_and_the_last_row_that_of_kl_and_entropy()
    {
        var rows = Accumulate(new PolicyRows(null, Keep: true, Regularizer: true, RatioToReference: false), _advantages, 4);
        var nothing = OutcomeAdvantages.PerCompletion(new double[_completions.Length], _advantages[0].Lengths, _advantages[0].Valid);
        float[] regularizer = Accumulate(PolicyRows.Single, [nothing], 1)[0];
        AssertClose(regularizer, rows[3]);
        Assert.Contains(regularizer, value => value != 0);
        for (int m = 0; m < 3; m++)
        {
            float[] alone = Accumulate(PolicyRows.Single, [_advantages[m]], 1)[0];
            AssertClose(alone, [.. rows[m].Zip(regularizer, (row, rest) => row + rest)]);
            Assert.Contains(rows[m], value => value != 0);
        }
    }

    [Fact]
    public void Both_plans_give_the_same_gradient_where_the_ratio_is_clipped_and_combined_advantages_do_not()
    {
        var rows = Accumulate(new PolicyRows(null, Keep: true, Regularizer: true, RatioToReference: false), _advantages, 4);
        float[] kept = [.. Enumerable.Range(0, rows[0].Length).Select(p => (float)((Alpha[0] * rows[0][p]) + (Alpha[1] * rows[1][p]) + (Alpha[2] * rows[2][p]) + rows[3][p]))];
        float[] secondPass = Accumulate(new PolicyRows(Alpha, Keep: false, Regularizer: false, RatioToReference: false), _advantages, 1)[0];
        AssertClose(kept, secondPass);
        float[] combined = Accumulate(PolicyRows.Single, [OutcomeAdvantages.Combine(_advantages, Alpha)], 1)[0];
        Assert.True(Distance(kept, combined) > 100 * Distance(kept, secondPass) && Distance(kept, combined) > 1e-3 * Norm(kept), $"{Distance(kept, combined)} against {Distance(kept, secondPass)} of {Norm(kept)}");
    }

    [Fact]
    public void Rows_of_the_last_block_are_those_parts_of_the_whole_rows()
    {
        var range = _job.Layout.LastBlock();
        Assert.InRange(range.Length, 1, _job.Layout.Length - 1);
        var whole = Accumulate(new PolicyRows(null, Keep: true, Regularizer: false, RatioToReference: false), _advantages, 3);
        var part = Accumulate(new PolicyRows(null, Keep: true, Regularizer: false, RatioToReference: false) { LastBlockOnly = true }, _advantages, 3, range);
        for (int m = 0; m < 3; m++) { AssertClose(whole[m][(int)range.Start..(int)(range.Start + range.Length)], part[m]); }

        // And nothing of it stays behind: the next whole pass is whole again.
        AssertClose(whole[1], Accumulate(new PolicyRows(null, Keep: true, Regularizer: false, RatioToReference: false), _advantages, 3)[1]);
    }

    [Fact]
    public void The_ratio_to_the_reference_policy_changes_the_gradient()
    {
        float[] sampler = Accumulate(PolicyRows.Single, [_advantages[0]], 1)[0];
        float[] reference = Accumulate(PolicyRows.Single with { RatioToReference = true }, [_advantages[0]], 1)[0];
        Assert.True(Distance(sampler, reference) > 1e-3 * Norm(sampler));
    }

    [Theory]
    [InlineData(1, GramScope.All)]
    [InlineData(3, GramScope.All)]
    [InlineData(3, GramScope.LastBlock)]
    public void Slices_give_the_gram_matrix_the_combination_and_the_products_with_the_step(int slices, GramScope scope)
    {
        using var gradients = new UpdateGradients(_memory, shards: 1, rows: 4);
        var buffers = gradients.Rent();
        var part = new PolicyPart(_advantages, new PolicyRows(null, Keep: true, Regularizer: true, RatioToReference: false), Counts(), CompareSampler: false);
        _worker.AccumulatePolicy(_completions, part, buffers);
        gradients.Offer(0, buffers);
        float[][] rows = [.. Enumerable.Range(0, 4).Select(row => Floats(gradients.Row(row)))];
        var last = _job.Layout.LastBlock();
        var (start, end) = scope == GramScope.All ? (0, rows[0].Length) : ((int)last.Start, (int)(last.Start + last.Length));
        double Dot(float[] left, float[] right, int from, int to) => Enumerable.Range(from, to - from).Sum(p => (double)left[p] * right[p]);

        (SliceWorker Worker, SliceGradients Part)[] workers = [.. _job.Layout.Slices(slices).Select(range => (new SliceWorker(_memory, range, last), SliceGradients.ViewOf(gradients, range)))];
        var gram = SliceProducts.Sum([.. workers.Select(slice => slice.Worker.Gram(slice.Part, scope))]);
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++) { Assert.InRange(gram[i, j] - Dot(rows[i], rows[j], start, end), -1e-9 * gram[i, i], 1e-9 * gram[i, i]); }
        }

        foreach (var (worker, slice) in workers) { worker.Combine(slice, Alpha); }
        foreach (var (worker, slice) in workers) { worker.Combine(slice, Alpha); } // Asked twice, done once.
        float[] combined = [.. workers.Where(slice => slice.Worker.Range.Length > 0).SelectMany(slice => Floats(slice.Part.Gradient))];
        AssertClose([.. Enumerable.Range(0, combined.Length).Select(p => (float)((Alpha[0] * rows[0][p]) + (Alpha[1] * rows[1][p]) + (Alpha[2] * rows[2][p]) + rows[3][p]))], combined);
        Assert.Equal(Dot(combined, combined, 0, combined.Length), workers.Sum(slice => slice.Worker.SumOfSquares(slice.Part)), 1e-9 * Norm(combined) * Norm(combined));

        float[] before = Floats(_memory.Weights);
        var update = new OptimizerUpdate(new UpdateId(TrainingStage.Rl, 1, 0), GradientScale: 0.5, LearningRate: 1e-3, AdamStep: 1);
        double[] products = SliceProducts.Sum(workers.Select(slice => slice.Worker.Apply(slice.Part, new OptimizerSpec(), update)));
        float[] moved = [.. Floats(_memory.Weights).Zip(before, (after, then) => after - then)];
        for (int row = 0; row < 4; row++) { Assert.Equal(Dot(moved, rows[row], 0, moved.Length), products[row], 1e-9 * Norm(moved) * Norm(rows[row])); }
        Assert.True(products[2] < 0, "the step lowers the loss of the objective that dominates the combination.");
    }

    public void Dispose()
    {
        _worker.Dispose();
        _memory.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private UpdateCounts Counts() => UpdateCounts.Of(_advantages[0].Lengths, _advantages[0].Valid);

    private float[][] Accumulate(PolicyRows rows, OutcomeAdvantages[] advantages, int count, SliceRange? covered = null)
    {
        using var gradients = new UpdateGradients(_memory, shards: 1, rows: count, covered);
        var buffers = gradients.Rent();
        _worker.AccumulatePolicy(_completions, new PolicyPart(advantages, rows, Counts(), CompareSampler: false), buffers);
        return [.. buffers.Select(buffer =>
        {
            float[] values = Floats(buffer);
            _memory.ReturnGradient(buffer);
            return values;
        })];
    }

    private static double Number(int purpose, int index) => CounterRandom.Uniform(5, RandomPurpose.Test, purpose, index, 0, 0);

    private static void Move(Tensor weights, int purpose, Tensor from)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        float[] noise = [.. Enumerable.Range(0, (int)from.NumberOfElements).Select(p => 0.02f * ((float)Number(purpose, p) - 0.5f))];
        weights.copy_(from.Plus(tensor(noise)));
    }

    private static float[] Floats(Tensor values) => MemoryMarshal.Cast<byte, float>(values.bytes).ToArray();

    private static double Norm(float[] values) => Math.Sqrt(values.Sum(value => (double)value * value));

    private static double Distance(float[] left, float[] right) => Norm([.. left.Zip(right, (one, other) => one - other)]);

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.InRange(Distance(expected, actual), 0, 2e-6 * (Norm(expected) + 1e-12));
    }
}
