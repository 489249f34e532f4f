using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

public sealed class DecoderModelTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TinyModel _tiny = new();

    [Fact]
    public void Replicas_give_the_same_bits_whoever_owns_the_memory_and_whichever_thread_runs_them()
    {
        var ids = _tiny.Ids(5, 11);
        float[] expected = Forward(_tiny.Model, ids);
        using var beside = new DecoderModel(_tiny.Config, _tiny.Layout, _tiny.Memory.Weights);
        AssertBits.Equal(expected, Forward(beside, ids));

        using var copy = new DecoderModel(_tiny.Config, _tiny.Layout, _tiny.Memory.Weights.clone());
        AssertBits.Equal(expected, Forward(copy, ids));

        float[] elsewhere = [];
        var thread = new Thread(() =>
        {
            set_num_threads(1);
            elsewhere = Forward(copy, ids);
        });
        thread.Start();
        thread.Join();
        AssertBits.Equal(expected, elsewhere);
    }

    [Fact]
    public void Weights_written_to_flat_memory_are_the_models_at_once()
    {
        var ids = _tiny.Ids(2, 7);
        float[] before = Forward(_tiny.Model, ids);
        using (no_grad()) { _tiny.Memory.Weights.mul_(0.5); }
        float[] after = Forward(_tiny.Model, ids);
        Assert.NotEqual(before, after);
        using var fresh = new DecoderModel(_tiny.Config, _tiny.Layout, _tiny.Memory.Weights);
        AssertBits.Equal(Forward(fresh, ids), after);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_adds_into_the_gradient_that_is_pointed_at_and_never_into_the_gaps(bool tied)
    {
        using var tiny = new TinyModel(tied);
        var ids = tiny.Ids(3, 9);
        var (once, twice) = (tiny.Memory.RentGradient(), tiny.Memory.RentGradient());
        tiny.Model.PointGradientsAt(once);
        Backward(tiny, ids);
        float[] expected = AssertBits.Floats(once);
        tiny.Model.PointGradientsAt(twice);
        Backward(tiny, ids);
        Backward(tiny, ids);

        AssertBits.Equal(expected, AssertBits.Floats(once));
        AssertBits.Equal([.. expected.Select(value => 2 * value)], AssertBits.Floats(twice));
        bool[] used = new bool[tiny.Layout.Length];
        foreach (var entry in tiny.Layout.Entries)
        {
            used.AsSpan((int)entry.Offset, (int)entry.Length).Fill(true);
            Assert.Contains(expected[(int)entry.Offset..(int)(entry.Offset + entry.Length)], value => value != 0);
        }

        Assert.Contains(used, one => !one);
        Assert.All(Enumerable.Range(0, used.Length).Where(i => !used[i]), i => Assert.Equal(0, BitConverter.SingleToInt32Bits(expected[i])));
    }

    [Fact]
    public void Neither_later_tokens_nor_what_the_padding_holds_change_a_bit()
    {
        var ids = _tiny.Ids(4, 10);
        var mask = ones([4, 10], int64);
        mask.narrow(1, 0, 3).fill_(0);
        var positions = (mask.cumsum(1) - 1).clamp_(min: 0);
        var other = ids.clone();
        other.narrow(1, 0, 3).fill_(1);
        other.narrow(1, 8, 2).fill_(2);
        using var noGrad = no_grad();

        AssertBits.Equal(Middle(_tiny.Model.Hidden(ids, positions, mask)), Middle(_tiny.Model.Hidden(other, positions, mask)));

        var later = ids.clone();
        later.narrow(1, 8, 2).fill_(2);
        AssertBits.Equal(Middle(_tiny.Model.Hidden(ids)), Middle(_tiny.Model.Hidden(later)));
        Assert.NotEqual(Middle(_tiny.Model.Hidden(ids)), Middle(_tiny.Model.Hidden(other)));

        static float[] Middle(Tensor hidden) => AssertBits.Floats(hidden.narrow(1, 3, 5));
    }

    [Fact]
    public void Selected_cache_rows_continue_their_own_sequences()
    {
        using var noGrad = no_grad();
        var ids = _tiny.Ids(3, 8);
        int[] chosen = [2, 0, 2, 1, 1];
        var rows = tensor(chosen.Select(row => (long)row).ToArray());
        using var cache = _tiny.Model.NewCache(3, 8);
        _tiny.Model.Extend(ids.narrow(1, 0, 6), Positions(3, 0, 6), ones([3, 6], int64), cache);
        cache.Select(rows);
        var selected = ids.index_select(0, rows);
        for (int i = 6; i < 8; i++)
        {
            Assert.Equal(i, cache.Length);
            var hidden = _tiny.Model.Extend(selected.narrow(1, i, 1), Positions(5, i, 1), ones([5, i + 1], int64), cache);
            Assert.True((hidden - _tiny.Model.Hidden(selected).select(1, i)).abs().max().item<float>() < 2e-5);
        }
    }

    [Fact]
    public void A_full_cache_is_an_error()
    {
        using var noGrad = no_grad();
        using var cache = _tiny.Model.NewCache(2, 4);
        var error = Assert.Throws<InvalidOperationException>(() => _tiny.Model.Extend(_tiny.Ids(2, 5), Positions(2, 0, 5), ones([2, 5], int64), cache));
        Assert.Contains("holds 4 tokens, 5 are needed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Passes_leave_no_tensor_behind()
    {
        var gradient = _tiny.Memory.RentGradient();
        _tiny.Model.PointGradientsAt(gradient);
        Pass(); // Rotary tables and masks are made once.
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 3; i++) { Pass(); }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        void Pass()
        {
            using var scope = NewDisposeScope();
            Backward(_tiny, _tiny.Ids(2, 6));
            using var cache = _tiny.Model.NewCache(2, 4);
            using var noGrad = no_grad();
            _tiny.Model.Extend(_tiny.Ids(2, 4), Positions(2, 0, 4), ones([2, 4], int64), cache);
        }
    }

    [Theory]
    [InlineData(true, false, 1e-5)]
    [InlineData(false, true, 5e-2)]
    [InlineData(true, true, 5e-2)]
    public void Fused_attention_and_bfloat16_weights_give_nearly_the_same_function_and_gradient(bool fused, bool halved, double bound)
    {
        var ids = _tiny.Ids(3, 9);
        var weights = halved ? _tiny.Memory.Weights.to(bfloat16) : _tiny.Memory.Weights;
        using var other = new DecoderModel(_tiny.Config, _tiny.Layout, weights, fused);
        var (logits, gradient) = LogitsAndGradient(_tiny.Model, ids);
        var (otherLogits, otherGradient) = LogitsAndGradient(other, ids);
        Assert.Equal(float32, otherLogits.dtype);
        Assert.InRange(Distance(logits, otherLogits), halved ? 1e-4 : 0, bound);
        Assert.InRange(Distance(gradient, otherGradient), halved ? 1e-4 : 0, bound);

        // The cache holds the weights' type; the last position is the whole sequence's.
        using var noGrad = no_grad();
        using var cache = other.NewCache(3, 9);
        var last = other.Logits(other.Extend(ids, Positions(3, 0, 9), ones([3, 9], int64), cache));
        Assert.InRange(Distance(logits.select(1, 8), last), 0, bound);
    }

    private (Tensor Logits, Tensor Gradient) LogitsAndGradient(DecoderModel model, Tensor ids)
    {
        var gradient = zeros(_tiny.Layout.Length, float32);
        model.PointGradientsAt(gradient);
        var logits = model.Logits(model.Hidden(ids));
        logits.log_softmax(-1).narrow(-1, 0, 1).mean().backward();
        return (logits.detach(), gradient);
    }

    /// <summary>‖right − left‖ / ‖left‖.</summary>
    private static double Distance(Tensor left, Tensor right) => ((right - left).norm() / left.norm()).item<float>();

    public void Dispose()
    {
        _tiny.Dispose();
        _scope.Dispose();
    }

    private static Tensor Positions(int rows, int first, int count) => arange(first, first + count, ScalarType.Int64).unsqueeze(0).repeat(rows, 1);

    private static float[] Forward(DecoderModel model, Tensor ids)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return AssertBits.Floats(model.Logits(model.Hidden(ids)));
    }

    private static void Backward(TinyModel tiny, Tensor ids)
    {
        using var scope = NewDisposeScope();
        tiny.Model.Logits(tiny.Model.Hidden(ids)).log_softmax(-1).square().sum().backward();
    }
}
