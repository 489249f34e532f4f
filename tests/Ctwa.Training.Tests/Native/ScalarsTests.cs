using Ctwa.Training.Native;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Native;

public sealed class ScalarsTests
{
    /// <summary>The plain operators throw about 10 to 50 times per million calls under this load; 300,000 calls would show it.</summary>
    [Fact]
    public void Scalars_survive_collections_on_other_threads()
    {
        using var done = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!done.IsCancellationRequested)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            using var scope = torch.NewDisposeScope();
            using var ones = torch.ones(4);
            for (int i = 0; i < 100_000; i++)
            {
                using var inner = torch.NewDisposeScope();
                float result = ones.Plus(ones).Times(0.5).Plus(2).sum().item<float>();
                Assert.Equal(12f, result);
            }
        }
        finally
        {
            done.Cancel();
            collector.Join();
        }
    }

    [Fact]
    public void Arithmetic_equals_the_operators()
    {
        using var scope = torch.NewDisposeScope();
        var left = torch.tensor(new float[] { 1.5f, -2.25f, 0 });
        var right = torch.tensor(new float[] { 0.1f, 3f, -7f });
        Assert.True(left.Plus(right).allclose(left + right, 0, 0));
        Assert.True(left.Times(0.3).allclose(left * 0.3, 0, 0));
        Assert.True(left.DividedBy(0.3).allclose(left / 0.3, 0, 0));
        Assert.True(left.Plus(0.3).allclose(left + 0.3, 0, 0));
        Assert.True(left.clone().PlusInPlace(right).allclose(left + right, 0, 0));
    }
}
