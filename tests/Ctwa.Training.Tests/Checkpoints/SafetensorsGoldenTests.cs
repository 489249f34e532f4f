using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Specification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Checkpoints;

[Trait("Category", GoldenFolder.Category)]
public sealed class SafetensorsGoldenTests
{
    [Fact]
    public void Every_tensor_of_every_model_reads_as_the_float32_it_stands_for()
    {
        var types = new HashSet<SafetensorsDType>();
        int sharded = 0;
        Assert.All(Models(), folder =>
        {
            using var scope = NewDisposeScope();
            using var reader = SafetensorsReader.Open(folder);
            using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
            var shapes = golden.RootElement.GetProperty("parameters").EnumerateObject()
                .ToDictionary(p => p.Name, p => p.Value.EnumerateArray().Select(d => d.GetInt64()).ToArray());
            Assert.Equal(shapes.Keys.Order(StringComparer.Ordinal), reader.Names);
            sharded += File.Exists(Path.Combine(folder, "model.safetensors")) ? 0 : 1;
            foreach (string name in reader.Names)
            {
                types.Add(reader.Entry(name).DType);
                var read = zeros(shapes[name]);
                reader.CopyTo(name, read);
                Assert.Equal(FloatsInFile(folder, name), read.data<float>().ToArray());
                Assert.True(read.equal(reader.Read(name).to(ScalarType.Float32)).all().item<bool>());
            }
        });
        Assert.Equal([SafetensorsDType.F16, SafetensorsDType.BF16, SafetensorsDType.F32], types.Order());
        Assert.True(sharded > 0, "no sharded model among the golden models.");
    }

    [Fact]
    public void Models_written_by_others_are_rewritten_with_the_same_tensors_and_twice_with_the_same_bytes()
    {
        string[] targets = [Path.GetTempFileName(), Path.GetTempFileName()];
        Assert.All(Models(), folder =>
        {
            using var scope = NewDisposeScope();
            using var reader = SafetensorsReader.Open(folder);
            var tensors = reader.Names.Select(name => (name, reader.Read(name))).ToList();
            SafetensorsWriter.Write(targets[0], tensors);
            SafetensorsWriter.Write(targets[1], tensors.AsEnumerable().Reverse());
            Assert.Equal(File.ReadAllBytes(targets[0]), File.ReadAllBytes(targets[1]));
            using var again = SafetensorsReader.Open(targets[0]);
            Assert.All(tensors, item =>
            {
                Assert.Equal(reader.Entry(item.name).DType, again.Entry(item.name).DType);
                Assert.Equal(item.Item2.bytes.ToArray(), again.Read(item.name).bytes.ToArray());
            });
        });
        Array.ForEach(targets, File.Delete);
    }

    [Fact]
    public void Integer_tensors_of_the_reference_values_can_be_read()
    {
        foreach (string folder in Models())
        {
            using var reader = SafetensorsReader.Open(Path.Combine(folder, "golden.safetensors"));
            using var ids = reader.Read("a.input_ids");
            Assert.Equal(ScalarType.Int64, ids.dtype);
            Assert.Equal([2L, 12L], ids.shape);
            Assert.All(ids.data<long>().ToArray(), id => Assert.InRange(id, 0, 511));
        }
    }

    /// <summary>The file's bits turned to floats here, without the reader's conversion.</summary>
    private static float[] FloatsInFile(string folder, string name)
    {
        foreach (string file in Directory.GetFiles(folder, "model*.safetensors"))
        {
            if (SafetensorsHeader.Read(file).Find(name) is not { } entry) { continue; }
            byte[] bytes = File.ReadAllBytes(file)[(int)entry.Offset..(int)(entry.Offset + entry.ByteLength)];
            int size = entry.DType.Size();
            return [.. Enumerable.Range(0, bytes.Length / size).Select(i => entry.DType switch
            {
                SafetensorsDType.F32 => BitConverter.ToSingle(bytes, 4 * i),
                SafetensorsDType.F16 => (float)BitConverter.ToHalf(bytes, 2 * i),
                _ => BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(bytes, 2 * i) << 16),
            })];
        }

        throw new InvalidDataException($"{name} is in no file of {folder}.");
    }

    private static string[] Models()
    {
        string[] folders = Directory.GetDirectories(Path.Combine(GoldenFolder.Require(), "decoder", "models"));
        Assert.NotEmpty(folders);
        return folders;
    }
}
