using System.Text;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Models.Presets;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Models;
using Ctwa.Training.Tests.Models.Lora;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Fuzzing;

/// <summary>Files of a model folder are hostile: whatever they hold, the answer is a sound object or one error that names the file and the place.</summary>
public sealed class CheckpointFuzzTests : IDisposable
{
    private const int Cases = 12_000;

    private readonly DisposeScope _scope = NewDisposeScope();

    // In memory where Linux has it: tens of thousands of small files are seconds there and a minute on a busy disk.
    private readonly string _folder = Directory.Exists("/dev/shm") ? Directory.CreateDirectory($"/dev/shm/ctwa-fuzz-{Guid.NewGuid():n}").FullName : Directory.CreateTempSubdirectory("ctwa-fuzz-").FullName;
    private int _accepted, _refused;

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Damaged_safetensors_give_sound_tensors_or_an_error_with_file_and_place()
    {
        string path = Path.Combine(_folder, "model.safetensors");
        SafetensorsWriter.Write(path, [("a.weight", ones(2, 3)), ("b", ones(5, dtype: bfloat16)), ("c.bias", zeros(0, 4)), ("d", tensor(7L))], new Dictionary<string, string> { ["note"] = "x" });
        byte[] good = File.ReadAllBytes(path);
        var mutator = new Mutator(1);
        for (int i = 0; i < Cases; i++)
        {
            mutator.Next();
            byte[] bad = mutator.File(good);
            Answer(i, bad.Length, ["x.safetensors"], ["tensor", "byte", "header", "metadata"], () =>
            {
                var header = SafetensorsHeader.Read(new MemoryStream(bad), "x.safetensors");
                long end = header.DataOffset;
                foreach (var entry in header.Entries)
                {
                    Assert.Equal(end, entry.Offset);
                    Assert.Equal(entry.Shape.Aggregate((Int128)entry.DType.Size(), (product, size) => product * size), (Int128)entry.ByteLength);
                    end += entry.ByteLength;
                }

                Assert.Equal(bad.Length, end);
            });
        }

        AssertBothHappened();
    }

    [Fact]
    public void Damaged_files_are_opened_or_refused_and_what_is_opened_can_be_read()
    {
        string path = Path.Combine(_folder, "model.safetensors");
        SafetensorsWriter.Write(path, [("a.weight", ones(2, 3)), ("b", ones(5, dtype: bfloat16))]);
        byte[] good = File.ReadAllBytes(path);
        var mutator = new Mutator(2);
        for (int i = 0; i < Cases; i++)
        {
            mutator.Next();
            byte[] bad = mutator.File(good);
            File.WriteAllBytes(path, bad);
            Answer(i, bad.Length, [path], [], () =>
            {
                using var reader = SafetensorsReader.Open(_folder);
                long read = 0;
                foreach (string name in reader.Names.Where(name => SafetensorsTensors.TensorType(reader.Entry(name).DType) is not null)) { reader.ReadPieces(name, piece => read += piece.numel()); }
                Assert.InRange(read, 0, bad.Length);
            });
        }

        AssertBothHappened();
    }

    [Fact]
    public void Damaged_indexes_are_refused_by_both_readers_or_mean_files_of_the_folder()
    {
        var config = TinyModel.ConfigOf() with { NumHiddenLayers = 1 };
        SafetensorsShards.Write(_folder, RandomWeights.Sources(config, 1, SafetensorsDType.F32), shardBytes: 8_000);
        string index = Path.Combine(_folder, SafetensorsIndex.FileName);
        byte[] good = File.ReadAllBytes(index);
        var mutator = new Mutator(3);
        for (int i = 0; i < Cases; i++)
        {
            mutator.Next();
            File.WriteAllBytes(index, mutator.Json(good));
            var errors = new List<string>();
            var folder = ModelFolder.Read(_folder, config, errors);
            Assert.Equal(folder is null, errors.Count > 0);
            Assert.All(errors, error => Assert.Contains(_folder, error, StringComparison.Ordinal));
            if (folder is not null) { Assert.All(folder.Tensors.Values, stored => Assert.Equal(_folder, Path.GetDirectoryName(stored.File))); }
            Answer(i, good.Length, [_folder], [], () => SafetensorsReader.Open(_folder).Dispose());
        }

        AssertBothHappened();
    }

    [Fact]
    public void Damaged_configurations_are_refused_with_their_name_or_have_sane_sizes()
    {
        byte[][] good = [.. ModelPreset.Names.Select(name => Encoding.UTF8.GetBytes(ModelPreset.Find(name)!.ConfigJson(null, null, null)))];
        var mutator = new Mutator(4);
        for (int i = 0; i < Cases; i++)
        {
            mutator.Next();
            byte[] bad = mutator.Json(good[i % good.Length]);
            var errors = new List<string>();
            var config = ModelConfig.ReadText("x/config.json", Encoding.UTF8.GetString(bad), errors);
            Assert.Equal(config is null, errors.Count > 0);
            Assert.All(errors, error => Assert.StartsWith("x/config.json", error, StringComparison.Ordinal));
            _ = config is null ? _refused++ : _accepted++;
            if (config is not null) { Assert.True(config.ParameterCount() > 0); }
        }

        AssertBothHappened();
    }

    [Fact]
    public void Damaged_adapters_are_refused_with_their_name_or_fit_the_model()
    {
        var model = TinyModel.ConfigOf();
        TinyAdapter.Write(_folder, model);
        string config = Path.Combine(_folder, AdapterConfig.FileName), weights = Path.Combine(_folder, AdapterFolder.WeightsName);
        byte[] goodConfig = File.ReadAllBytes(config), goodWeights = File.ReadAllBytes(weights);
        var mutator = new Mutator(5);
        for (int i = 0; i < Cases; i++)
        {
            mutator.Next();
            bool inWeights = i % 3 == 0;
            File.WriteAllBytes(config, inWeights ? goodConfig : mutator.Json(goodConfig));
            File.WriteAllBytes(weights, inWeights ? mutator.File(goodWeights) : goodWeights);
            Answer(i, goodConfig.Length + goodWeights.Length, [_folder], [], () => Assert.NotEmpty(AdapterFolder.Read(_folder, model).Modules));
        }

        AssertBothHappened();
    }

    /// <summary>Runs a reader: nothing but its own errors may come out, each with the file, and it may not allocate by a length that lies.</summary>
    private void Answer(int number, long fileBytes, string[] files, string[] places, Action read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            read();
            _accepted++;
        }
        catch (Exception error) when (error is InvalidDataException or FileNotFoundException)
        {
            _refused++;
            Assert.All(files, file => Assert.Contains(file, error.Message, StringComparison.Ordinal));
            Assert.True(places.Length == 0 || places.Any(place => error.Message.Contains(place, StringComparison.Ordinal)), error.Message);
            Assert.DoesNotContain(error.Message, character => char.IsControl(character) && character is not ('\n' or '\r'));
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 4_000_000 + (200 * fileBytes), $"case {number} allocated {allocated} bytes for a file of {fileBytes}.");
    }

    private void AssertBothHappened() => Assert.True(_accepted > Cases / 200 && _refused > Cases / 4, $"{_accepted} accepted, {_refused} refused: the damage is too weak or too strong to prove anything.");
}
