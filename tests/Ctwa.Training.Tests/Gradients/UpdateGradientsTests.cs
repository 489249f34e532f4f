using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Steps;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Gradients;

public sealed class UpdateGradientsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    // A buffer that the pool has twice is lent to two users at once, which mixes their gradients without a sign.
    [Fact]
    public void Disposing_twice_gives_every_buffer_back_once()
    {
        using var memory = new PolicyMemory(PreparedJob.Prepare(TinyJobs.Arithmetic(hidden: 8), _folder).Layout, torch.CPU);
        var probe = new UpdateGradients(memory, shards: 2, rows: 2);
        for (int shard = 0; shard < 2; shard++) { probe.Offer(shard, probe.Rent()); }
        var slice = SliceGradients.ViewOf(probe, new SliceRange(0, memory.Layout.Length), rememberWeights: true);
        slice.EnsureCombined();
        slice.Dispose();
        slice.Dispose();
        probe.Dispose();
        probe.Dispose();
        var rented = Enumerable.Range(0, 8).Select(_ => memory.RentGradient()).ToList();
        for (int i = 0; i < rented.Count; i++) { rented[i].fill_(Scalars.Of(i)); }
        Assert.Equal(Enumerable.Range(0, 8).Select(i => (float)i), rented.Select(buffer => buffer[0].item<float>()));
        rented.ForEach(memory.ReturnGradient);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
