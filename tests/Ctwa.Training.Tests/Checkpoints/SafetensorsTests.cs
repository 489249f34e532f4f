using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Specification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-safetensors-").FullName;
    private readonly DisposeScope _scope = NewDisposeScope();

    private string Model => Path.Combine(_folder, "model.safetensors");

    public void Dispose()
    {
        _scope.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(new long[0])]
    [InlineData(new long[] { 1 })]
    [InlineData(new long[] { 0, 3 })]
    [InlineData(new long[] { 3, 5, 7 })]
    [InlineData(new long[] { 1, 1, 1, 1, 13 })]
    [InlineData(new long[] { 4_194_305 })]
    [InlineData(new long[] { 3, 2_900_001 })]
    public void A_tensor_of_any_shape_returns_bit_for_bit(long[] shape)
    {
        var tensor = randn(shape, generator: new Generator(3));
        SafetensorsWriter.Write(Model, [("w", tensor), ("b", arange(5))], flushToDisk: true);
        using var reader = SafetensorsReader.Open(_folder);
        var read = full(shape, float.NaN);
        reader.CopyTo("w", read);

        Assert.Equal(["b", "w"], reader.Names);
        Assert.Equal(shape, reader.Entry("w").Shape);
        Assert.True(tensor.bytes.SequenceEqual(read.bytes));
    }

    [Fact]
    public void Copying_into_a_view_of_a_flat_buffer_touches_nothing_beside_it()
    {
        SafetensorsWriter.Write(Model, [("w", arange(6, dtype: ScalarType.Float32).view(2, 3))], cast: SafetensorsDType.BF16);
        var flat = full(10, -1f);
        using var reader = SafetensorsReader.Open(Model);
        reader.CopyTo("w", flat.narrow(0, 3, 6).view(2, 3));

        Assert.Equal([-1f, -1, -1, 0, 1, 2, 3, 4, 5, -1], flat.data<float>().ToArray());
    }

    [Fact]
    public void Copying_into_a_trainable_parameter_leaves_it_a_leaf()
    {
        SafetensorsWriter.Write(Model, [("w", ones(4))]);
        var parameter = new TorchSharp.Modules.Parameter(zeros(4), requires_grad: true);
        using var reader = SafetensorsReader.Open(Model);
        reader.CopyTo("w", parameter);

        Assert.True(parameter.is_leaf && parameter.requires_grad);
        Assert.Equal([1f, 1, 1, 1], parameter.detach().data<float>().ToArray());
    }

    [Theory]
    [InlineData(ScalarType.Bool)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Int8)]
    [InlineData(ScalarType.Int16)]
    [InlineData(ScalarType.Int32)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Every_element_type_returns_bit_for_bit(ScalarType type)
    {
        var tensor = randint(0, 2, [3, 5], dtype: ScalarType.Int64).to(type);
        SafetensorsWriter.Write(Model, [("w", tensor)]);
        using var reader = SafetensorsReader.Open(Model);
        var read = reader.Read("w");

        Assert.Equal(type, read.dtype);
        Assert.True(tensor.bytes.SequenceEqual(read.bytes));
    }

    [Theory]
    [InlineData(SafetensorsDType.BF16, ScalarType.BFloat16)]
    [InlineData(SafetensorsDType.F16, ScalarType.Float16)]
    public void A_cast_stores_floats_in_the_asked_type_and_leaves_integers(SafetensorsDType stored, ScalarType type)
    {
        var weights = randn(7, 3);
        SafetensorsWriter.Write(Model, [("w", weights), ("steps", arange(3))], cast: stored);
        using var reader = SafetensorsReader.Open(Model);
        var read = zeros(7, 3);
        reader.CopyTo("w", read);

        Assert.Equal(stored, reader.Entry("w").DType);
        Assert.Equal(SafetensorsDType.I64, reader.Entry("steps").DType);
        Assert.Equal(weights.to(type).to(ScalarType.Float32).data<float>().ToArray(), read.data<float>().ToArray());
    }

    [Fact]
    public void A_value_that_F16_cannot_hold_is_an_error_and_infinity_itself_is_not()
    {
        var error = Assert.Throws<OverflowException>(() => SafetensorsWriter.Write(Model, [("w", full(3, 1e5f))], cast: SafetensorsDType.F16));
        Assert.Contains("'w'", error.Message, StringComparison.Ordinal);
        SafetensorsWriter.Write(Model, [("w", full(3, float.PositiveInfinity))], cast: SafetensorsDType.F16);
    }

    [Fact]
    public void The_bytes_depend_neither_on_the_order_nor_on_the_memory_layout_of_the_tensors()
    {
        var a = randn(4, 6);
        var b = randn(3);
        string other = Path.Combine(_folder, "other.safetensors");
        var metadata = new Dictionary<string, string> { ["z"] = "1", ["a"] = "\u00E9 \"x\"" };
        SafetensorsWriter.Write(Model, [("a", a), ("b", b), ("c", arange(2))], metadata);
        SafetensorsWriter.Write(other, [("c", arange(2)), ("b", b), ("a", a.t().contiguous().t())], new SortedDictionary<string, string>(metadata));

        Assert.Equal(File.ReadAllBytes(Model), File.ReadAllBytes(other));
        var header = SafetensorsHeader.Read(Model);
        Assert.Equal("pt", header.Metadata["format"]);
        Assert.Equal("\u00E9 \"x\"", header.Metadata["a"]);
        Assert.Equal(0, header.DataOffset % 8);
        Assert.All(header.Entries, entry => Assert.Equal(0, entry.Offset % entry.DType.Size()));
    }

    [Fact]
    public void The_layout_is_that_of_the_format()
    {
        SafetensorsWriter.Write(Model, [("w", ones(1, 2))]);
        byte[] file = File.ReadAllBytes(Model);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);

        const string Json = """{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}""";
        Assert.Equal(Json, Encoding.UTF8.GetString(file, 8, length).TrimEnd(' '));
        Assert.Equal([0, 0, 0x80, 0x3F, 0, 0, 0x80, 0x3F], file[(8 + length)..]);
    }

    [Fact]
    public void Names_that_cannot_be_stored_are_errors()
    {
        Assert.Contains("'w'", Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Model, [("w", ones(1)), ("w", ones(1))])).Message, StringComparison.Ordinal);
        Assert.Contains("reserved", Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Model, [("__metadata__", ones(1))])).Message, StringComparison.Ordinal);
        Assert.Contains("ComplexFloat32", Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Model, [("w", zeros(1, dtype: ScalarType.ComplexFloat32))])).Message, StringComparison.Ordinal);
        Assert.Contains("I64", Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Model, [("w", ones(1))], cast: SafetensorsDType.I64)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Model));
    }

    [Fact]
    public void A_tensor_that_does_not_fit_is_a_clear_error()
    {
        SafetensorsWriter.Write(Model, [("w", ones(2, 3)), ("steps", arange(3))]);
        using var reader = SafetensorsReader.Open(Model);

        Assert.Contains("'v'", Assert.Throws<KeyNotFoundException>(() => reader.CopyTo("v", zeros(1))).Message, StringComparison.Ordinal);
        Assert.False(reader.Contains("v"));
        Assert.Contains("[2, 3], but [3, 2]", Assert.Throws<InvalidDataException>(() => reader.CopyTo("w", zeros(3, 2))).Message, StringComparison.Ordinal);
        Assert.Contains("I64", Assert.Throws<InvalidDataException>(() => reader.CopyTo("steps", zeros(3))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => reader.CopyTo("w", zeros(2, 3, dtype: ScalarType.Float64)));
        Assert.Throws<ArgumentException>(() => reader.CopyTo("w", zeros(3, 2).t()));
    }

    [Fact]
    public void A_truncated_file_is_refused_when_opened_and_one_cut_later_when_read()
    {
        SafetensorsWriter.Write(Model, [("w", ones(100))]);
        byte[] whole = File.ReadAllBytes(Model);
        for (int length = 0; length < whole.Length; length += 37)
        {
            File.WriteAllBytes(Model, whole[..length]);
            Assert.Throws<InvalidDataException>(() => SafetensorsReader.Open(Model));
        }

        File.WriteAllBytes(Model, whole);
        using var reader = SafetensorsReader.Open(Model);
        // Another program, because .NET holds a lock that its own writers respect.
        using var cut = Process.Start("truncate", ["-s", $"{whole.Length - 8}", Model]);
        cut.WaitForExit();
        Assert.Contains("'w'", Assert.Throws<EndOfStreamException>(() => reader.CopyTo("w", zeros(100))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_are_read_as_one_model()
    {
        WriteShards("""{"a": "1.safetensors", "b": "2.safetensors"}""");
        using var reader = SafetensorsReader.Open(_folder);
        var b = zeros(2);
        reader.CopyTo("b", b);

        Assert.Equal(["a", "b"], reader.Names);
        Assert.Equal([2f, 2], b.data<float>().ToArray());
    }

    [Theory]
    [InlineData("""{"a": "1.safetensors", "b": "8.safetensors", "c": "9.safetensors"}""", "8.safetensors, 9.safetensors")]
    [InlineData("""{"a": "1.safetensors", "c": "2.safetensors"}""", "lacks the tensor 'c'")]
    [InlineData("""{"a": "../1.safetensors"}""", "without folders")]
    [InlineData("""{"a": "/etc/passwd"}""", "without folders")]
    [InlineData("""{"a": 1}""", "cannot be used as an index")]
    [InlineData("""{"a": "1.safetensors", "a": "2.safetensors"}""", "twice")]
    [InlineData("""{}""", "empty")]
    [InlineData("""[]""", "weight_map")]
    [InlineData("""{"a": """, "cannot be used as an index")]
    public void A_bad_index_is_a_clear_error(string map, string named)
    {
        WriteShards(map);
        var error = Assert.ThrowsAny<Exception>(() => SafetensorsReader.Open(_folder));
        Assert.True(error is InvalidDataException or FileNotFoundException, error.ToString());
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_weights_and_an_absent_path_are_clear_errors()
    {
        Assert.Contains("neither model.safetensors nor", Assert.Throws<FileNotFoundException>(() => SafetensorsReader.Open(_folder)).Message, StringComparison.Ordinal);
        Assert.Contains("/nowhere", Assert.Throws<FileNotFoundException>(() => SafetensorsReader.Open("/nowhere")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_and_writing_leave_no_tensor_behind()
    {
        var tensor = randn(5_000_000);
        var destination = zeros(5_000_000);
        SafetensorsWriter.Write(Model, [("w", tensor)], cast: SafetensorsDType.BF16);
        using var reader = SafetensorsReader.Open(Model);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 3; i++)
        {
            SafetensorsWriter.Write(Path.Combine(_folder, "other"), [("w", tensor)], cast: SafetensorsDType.F16);
            reader.CopyTo("w", destination);
            reader.Read("w").Dispose();
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private void WriteShards(string map)
    {
        SafetensorsWriter.Write(Path.Combine(_folder, "1.safetensors"), [("a", ones(2))]);
        SafetensorsWriter.Write(Path.Combine(_folder, "2.safetensors"), [("b", full(2, 2f))]);
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), $$"""{"weight_map": {{map}}}""");
    }
}
