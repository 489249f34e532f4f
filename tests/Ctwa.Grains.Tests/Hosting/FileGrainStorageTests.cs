using Ctwa.Grains.Hosting;
using Ctwa.Training.Randomness;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;
using Xunit;

namespace Ctwa.Grains.Tests.Hosting;

/// <summary>Grain state in files.</summary>
public sealed class FileGrainStorageTests : IDisposable
{
    private static readonly GrainId s_grain = GrainId.Create("queue", "0");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ctwa-state-");
    private readonly ServiceProvider _services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    public void Dispose()
    {
        _services.Dispose();
        _folder.Delete(recursive: true);
    }

    private FileGrainStorage Open() => new(_folder.FullName, new OrleansGrainStorageSerializer(_services.GetRequiredService<Serializer>()));

    [Fact]
    public async Task What_was_written_is_read_by_the_next_process()
    {
        using (var first = Open())
        {
            var state = new GrainState<List<string>>(["a", "b"]);
            await first.WriteStateAsync("jobs", s_grain, state);
            Assert.True(state.RecordExists);
        }

        using var second = Open();
        var read = new GrainState<List<string>>();
        await second.ReadStateAsync("jobs", s_grain, read);
        Assert.Equal(["a", "b"], read.State);
        read.State!.Add("c");
        await second.WriteStateAsync("jobs", s_grain, read);
        Assert.Single(Directory.GetFiles(_folder.FullName, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_grain_without_state_reads_an_empty_one_and_clearing_removes_the_file()
    {
        using var storage = Open();
        var state = new GrainState<List<string>>();
        await storage.ReadStateAsync("jobs", s_grain, state);
        Assert.Equal((false, null, 0), (state.RecordExists, state.ETag, state.State!.Count));
        await storage.WriteStateAsync("jobs", s_grain, state);
        await storage.ClearStateAsync("jobs", s_grain, state);
        Assert.Equal((false, null), (state.RecordExists, state.ETag));
        Assert.Empty(Directory.GetFiles(_folder.FullName, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_writer_that_read_an_older_state_is_refused()
    {
        using var storage = Open();
        var newer = new GrainState<List<string>>([]);
        await storage.WriteStateAsync("jobs", s_grain, newer);
        var older = new GrainState<List<string>>();
        await storage.ReadStateAsync("jobs", s_grain, older);
        await storage.WriteStateAsync("jobs", s_grain, newer);
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("jobs", s_grain, older));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("jobs", s_grain, older));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("jobs", s_grain, new GrainState<List<string>>([])));
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData("a\0b")]
    [InlineData("ÄÖ 漢字 |?*")]
    public void Whatever_a_key_holds_its_file_lies_in_the_folder(string key)
    {
        using var storage = Open();
        string path = storage.PathOf(key, GrainId.Create("queue", key));
        Assert.Equal(_folder.FullName, Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(path))));
        Assert.NotEqual(path, storage.PathOf(key, GrainId.Create("queue", key + "x")));
    }

    [Fact]
    public void Long_keys_have_names_that_file_systems_accept()
    {
        using var storage = Open();
        string path = storage.PathOf("jobs", GrainId.Create("queue", new string('/', 5000)));
        Assert.InRange(Path.GetFileName(path).Length, 1, 255);
    }

    [Fact]
    public async Task A_damaged_file_is_an_error_that_names_it_and_never_a_crash()
    {
        using var storage = Open();
        var state = new GrainState<List<string>>(["first", "second", new string('x', 100)]);
        await storage.WriteStateAsync("jobs", s_grain, state);
        string path = storage.PathOf("jobs", s_grain);
        byte[] whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        static ulong Next(int trial, int number) => CounterRandom.Bits(20261128, default, trial, number, 0, 0);
        int refused = 0;
        for (int trial = 0; trial < 10_000; trial++)
        {
            byte[] bytes = whole[..(trial % 3 == 0 ? (int)(Next(trial, 0) % (ulong)whole.Length) : whole.Length)];
            if (bytes.Length > 0) { bytes[Next(trial, 1) % (ulong)bytes.Length] = (byte)Next(trial, 2); }
            await File.WriteAllBytesAsync(path, bytes, TestContext.Current.CancellationToken);
            try { await storage.ReadStateAsync("jobs", s_grain, new GrainState<List<string>>()); }
            catch (InvalidDataException wrong)
            {
                refused++;
                Assert.StartsWith(path, wrong.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(refused, 1000, 9999);
    }
}
