using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models.Host;

/// <summary>The pass without libtorch's graph gives the numbers and the gradients of the one with it.</summary>
public sealed class HostTrainingPassTests : IDisposable
{
    private const int Plain = int.MaxValue;
    private static readonly int[] s_prompts = [5, 2, 7, 30], s_responses = [4, 6, 1, 25];
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<string, bool, int> Forms()
    {
        var forms = new TheoryData<string, bool, int>();
        foreach (string kind in HostModel.Kinds.Select(row => row.Data))
        {
            forms.Add(kind, false, Plain);
            forms.Add(kind, true, 5);
        }

        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Numbers_and_gradients_are_those_of_the_graph(string kind, bool recompute, int logitRows)
    {
        using var model = new HostModel(kind);
        var expected = Run(model, host: false, new ForwardOptions(0.8, true, false, Plain, 1), Losses);
        var got = Run(model, host: true, new ForwardOptions(0.8, true, recompute, logitRows, 1), Losses);
        Close(expected.LogProbabilities, got.LogProbabilities, 2e-5);
        Close(expected.Entropy, got.Entropy, 2e-5);
        for (int m = 0; m < expected.Gradients.Length; m++) { CloseEverywhere(model, expected.Gradients[m], got.Gradients[m]); }
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("untied")]
    [InlineData("qwen3")]
    public void Losses_with_one_factor_per_response_share_a_pass_and_give_their_own_gradients(string kind)
    {
        using var model = new HostModel(kind);
        var options = new ForwardOptions(1, true, false, Plain, 1);
        var expected = Run(model, host: false, options, PerResponse);
        var got = Run(model, host: true, options, PerResponse);
        for (int m = 0; m < expected.Gradients.Length; m++) { CloseEverywhere(model, expected.Gradients[m], got.Gradients[m]); }

        // One at a time they cannot share anything.
        for (int m = 0; m < expected.Gradients.Length; m++)
        {
            int only = m;
            var alone = Run(model, host: true, options, pass => [PerResponse(pass)[only]]);
            CloseEverywhere(model, alone.Gradients[0], got.Gradients[m]);
        }
    }

    [Fact]
    public void A_pass_repeats_its_bits_and_threads_change_no_more_than_rounding()
    {
        using var model = new HostModel("qwen3");
        var options = new ForwardOptions(1, true, false, 20, 1);
        int before = get_num_threads();
        try
        {
            set_num_threads(1);
            var one = Run(model, host: true, options, Losses);
            var again = Run(model, host: true, options, Losses);
            set_num_threads(3);
            var three = Run(model, host: true, options, Losses);
            AssertBits.Equal(AssertBits.Floats(one.LogProbabilities), AssertBits.Floats(again.LogProbabilities));
            for (int m = 0; m < one.Gradients.Length; m++)
            {
                AssertBits.Equal(AssertBits.Floats(one.Gradients[m]), AssertBits.Floats(again.Gradients[m]));
                CloseEverywhere(model, one.Gradients[m], three.Gradients[m]);
            }
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void A_gradient_of_the_last_block_is_that_part_of_the_whole_one()
    {
        using var model = new HostModel("qwen2");
        var range = model.Layout.LastBlock();
        var options = new ForwardOptions(1, true, false, Plain, 1);
        var whole = Run(model, host: true, options, PerResponse);
        var part = Run(model, host: true, options, PerResponse, range);
        for (int m = 0; m < whole.Gradients.Length; m++) { AssertBits.Equal(AssertBits.Floats(whole.Gradients[m].narrow(0, range.Start, range.Length)), AssertBits.Floats(part.Gradients[m])); }
    }

    [Fact]
    public void A_loss_that_is_not_a_number_gives_gradients_that_are_not()
    {
        using var model = new HostModel("qwen2");
        var got = Run(model, host: true, new ForwardOptions(1, true, false, Plain, 1), pass => [pass.LogProbabilities.sum().Times(double.NaN), pass.LogProbabilities.sum()]);
        Assert.True(float.IsNaN(got.Gradients[0].sum().item<float>()));
        Assert.True(float.IsFinite(got.Gradients[1].sum().item<float>()));
    }

    public void Dispose() => _scope.Dispose();

    /// <summary>Of log-probabilities, of entropies, and of hidden states with log-probabilities.</summary>
    private static Tensor[] Losses(ITrainingPass pass)
    {
        var factors = arange(Scalars.Of(1), Scalars.Of(1 + s_responses.Sum())).to(float32).DividedBy(10);
        return [(pass.LogProbabilities * factors).sum(), (pass.Entropy! * factors).sum(), (pass.Hidden * pass.Hidden).mean().Times(3).Plus(pass.LogProbabilities.sum())];
    }

    /// <summary>Three objectives with one advantage per response; one gives one of them nothing to learn.</summary>
    private static Tensor[] PerResponse(ITrainingPass pass)
    {
        float[][] advantages = [[1, -0.5f, 2, 0.3f], [0, 0.25f, -1, 1.5f], [-2, 0.1f, 0, -0.7f]];
        var ratio = pass.LogProbabilities.Plus(2).exp();
        return [.. advantages.Select(own => (ratio * tensor((float[])[.. own.SelectMany((value, row) => Enumerable.Repeat(value, s_responses[row]))])).sum())];
    }

    private static (Tensor LogProbabilities, Tensor Entropy, Tensor[] Gradients) Run(HostModel model, bool host, ForwardOptions options, Func<ITrainingPass, Tensor[]> lossesOf, SliceRange? range = null)
    {
        int[][] prompts = [.. s_prompts.Select((length, i) => model.Tokens(i, length))], responses = [.. s_responses.Select((length, i) => model.Tokens(100 + i, length))];
        var whole = zeros(model.Layout.Length);
        model.Model.PointGradientsAt(whole);
        ITrainingPass pass = host
            ? new HostTrainingPass(model.Host, PackedBatch.ForHost(prompts, responses), options, withEntropy: true)
            : new TrainingPass(model.Model, PackedBatch.Of(prompts, responses, CPU, packed: true), options, withEntropy: true);
        var losses = lossesOf(pass);
        Tensor[] gradients = [.. losses.Select(_ => zeros(range?.Length ?? model.Layout.Length))];
        pass.Backward([.. losses.Select((loss, m) => new LossTarget(loss, gradients[m], range))]);
        return (pass.LogProbabilities.detach(), (pass.Entropy ?? pass.LogProbabilities).detach(), gradients);
    }

    private static void Close(Tensor expected, Tensor actual, double tolerance) => Assert.InRange((expected - actual).abs().max().item<float>(), 0, tolerance);

    /// <summary>Parameter by parameter: a small one that is wrong must not hide behind a large one.</summary>
    private static void CloseEverywhere(HostModel model, Tensor expected, Tensor actual)
    {
        double typical = expected.norm().item<float>() / Math.Sqrt(model.Layout.Length);
        Assert.True(typical > 1e-5, "the gradient is all but 0: it tests nothing");
        foreach (var entry in model.Layout.Entries)
        {
            Tensor want = expected.narrow(0, entry.Offset, entry.Length), got = actual.narrow(0, entry.Offset, entry.Length);
            double difference = (want - got).norm().item<float>(), size = want.norm().item<float>();
            Assert.True(difference <= (2e-5 * size) + (2e-5 * typical * Math.Sqrt(entry.Length)), $"{entry.Name}: {difference} from {size}");
        }
    }
}
