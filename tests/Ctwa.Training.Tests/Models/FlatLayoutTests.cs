using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ctwa.Training.Models;
using FsCheck;
using FsCheck.Xunit;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Models;

public sealed class FlatLayoutTests
{
    [Property(MaxTest = 200)]
    public void Parameters_lie_apart_in_order_and_at_multiples_of_64_bytes(PositiveInt[] sizes)
    {
        var layout = LayoutOf(sizes.Select(size => size.Get));
        long end = 0;
        foreach (var (entry, size) in layout.Entries.Zip(sizes))
        {
            Assert.Equal(0, entry.Offset * sizeof(float) % 64);
            Assert.Equal(2L * size.Get, entry.Length);
            Assert.InRange(entry.Offset, end, end + FlatLayout.Alignment - 1);
            end = entry.Offset + entry.Length;
        }

        Assert.Equal(0, layout.Length % FlatLayout.Block);
        Assert.InRange(layout.Length, Math.Max(end, 1), end + FlatLayout.Block - 1 + FlatLayout.Alignment);
    }

    [Property(MaxTest = 200)]
    public void Slices_cover_everything_once_in_whole_blocks_of_nearly_equal_number(PositiveInt[] sizes, PositiveInt count)
    {
        var layout = LayoutOf(sizes.Select(size => size.Get * 997));
        var slices = layout.Slices(count.Get);
        Assert.Equal(count.Get, slices.Length);
        long end = 0;
        foreach (var slice in slices)
        {
            Assert.Equal(end, slice.Start);
            Assert.Equal(0, slice.Length % FlatLayout.Block);
            Assert.True(slice.Length >= 0);
            end += slice.Length;
        }

        Assert.Equal(layout.Length, end);
        Assert.InRange(slices.Max(slice => slice.Length) - slices.Min(slice => slice.Length), 0, FlatLayout.Block);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void No_slices_are_refused(int count) => Assert.Throws<ArgumentOutOfRangeException>(() => LayoutOf([]).Slices(count));

    [Fact]
    public void Every_view_into_the_flat_vectors_starts_at_a_multiple_of_64_bytes()
    {
        using var scope = torch.NewDisposeScope();
        using var tiny = new TinyModel();
        var (first, second) = (tiny.Memory.RentGradient(), tiny.Memory.RentGradient());
        foreach (var flat in (Tensor[])[tiny.Memory.Weights, tiny.Memory.FirstMoment, tiny.Memory.SecondMoment, tiny.Memory.EnsureReference(), first, second])
        {
            Assert.Equal(tiny.Layout.Length, flat.numel());
            Assert.All(tiny.Layout.Entries, entry => Assert.Equal(0, Address(flat.narrow(0, entry.Offset, entry.Length)) % 64));
        }
    }

    private static FlatLayout LayoutOf(IEnumerable<int> sizes) => FlatLayout.Of(sizes.Select((size, i) => ($"p{i}", (long[])[2, size])));

    private static long Address(Tensor tensor) => Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(tensor.bytes));
}
