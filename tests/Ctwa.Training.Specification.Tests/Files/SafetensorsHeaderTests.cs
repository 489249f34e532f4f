using System.Buffers.Binary;
using System.Text;
using Ctwa.TestKit;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class SafetensorsHeaderTests
{
    private static SafetensorsHeader Read(byte[] file) => SafetensorsHeader.Read(new MemoryStream(file), "x.safetensors");

    private static string Refusal(byte[] file) => Assert.Throws<InvalidDataException>(() => Read(file)).Message;

    private static string Refusal(string header, long dataBytes) => Refusal(SafetensorsFile.Bytes(header, dataBytes));

    [Fact]
    public void A_good_file_gives_its_tensors_in_the_order_of_their_data_with_absolute_offsets()
    {
        const string text = """{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[3],"data_offsets":[8,14]},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"s":{"dtype":"U8","shape":[],"data_offsets":[14,15]}}   """;
        var header = Read(SafetensorsFile.Bytes(text, 15));
        Assert.Equal(["a", "b", "s"], header.Entries.Select(e => e.Name));
        Assert.Equal(8 + text.Length + 8, header.Find("b")!.Offset);
        Assert.Equal(6, header.Find("b")!.ByteLength);
        Assert.Equal([2L, 1L], header.Find("a")!.Shape);
        Assert.Empty(header.Find("s")!.Shape);
        Assert.Equal("pt", header.Metadata["format"]);
        Assert.Null(header.Find("c"));
    }

    [Fact]
    public void Empty_tensors_and_an_empty_file_of_tensors_are_accepted()
    {
        Assert.Single(Read(SafetensorsFile.Bytes("""{"a":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}}""", 0)).Entries);
        Assert.Equal(3, Read(SafetensorsFile.Bytes("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"z":{"dtype":"F32","shape":[0],"data_offsets":[1,1]}}""", 2)).Entries.Length);
        Assert.Empty(Read(SafetensorsFile.Bytes("{}", 0)).Entries);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "tensor 'b' begins at data offset 4, inside tensor 'a', which ends at 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "must not overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "tensor 'a' begins at data offset 4, but the header ends at 0; the format allows no hole")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}""", 5, "no hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "no bytes after the last tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "the file holds 7 bytes of data; it is truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 16, "names 'a' twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\u0061":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 16, "names 'a' twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "12 bytes, but data_offsets [0, 8] span 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "more than 2^63 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]}}""", 0, "more than 2^63 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}""", 0, "'99999999999999999999' in shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "'-2' in shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "'2.5' in shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}""", 8, "has a string as shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "the end lies before the beginning")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,16]}}""", 8, "has 3 data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}""", 8, "the file holds 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "F33")]
    [InlineData("""{"a":{"dtype":"11","shape":[2],"data_offsets":[0,8]}}""", 8, "known are BOOL")]
    [InlineData("""{"a":{"dtype":"\ud800","shape":[2],"data_offsets":[0,8]}}""", 8, "known are BOOL")]
    [InlineData("""{"a":{"dtype":11,"shape":[2],"data_offsets":[0,8]}}""", 8, "known are BOOL")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "field 'dtype' twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"stride":1}}""", 8, "unknown field 'stride'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "lacks data_offsets")]
    [InlineData("""{"a":7}""", 0, "is described by a number")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "not valid Unicode")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "expected is a string")]
    [InlineData("""{"__metadata__":[]}""", 0, "expected is an object of strings")]
    [InlineData("""{"a":{"dtype":"F32",}}""", 0, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32"}""", 0, "not valid JSON")]
    [InlineData("""[]""", 0, "begins with byte 0x5B")]
    [InlineData("""{"a":[[[[[[[[[[[1]]]]]]]]]]]}""", 0, "not valid JSON")]
    public void A_header_that_breaks_the_format_is_refused_with_file_tensor_and_value(string header, long dataBytes, string expected)
    {
        string message = Refusal(header, dataBytes);
        Assert.StartsWith("x.safetensors", message);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void A_file_shorter_than_its_length_field_is_refused() => Assert.Contains("is 7 bytes long", Refusal(new byte[7]));

    [Fact]
    public void An_empty_file_is_refused() => Assert.Contains("is 0 bytes long", Refusal([]));

    [Theory]
    [InlineData(100_000_001UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData(0UL)]
    public void A_header_length_outside_the_format_is_refused_without_allocating_it(ulong length)
    {
        byte[] file = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        Assert.Contains($"says that its header has {length} bytes; accepted are 2 to 100000000", Refusal(file));
    }

    [Fact]
    public void A_header_longer_than_the_file_is_refused_as_truncated()
    {
        byte[] file = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(file, 57);
        Assert.Contains("only 56 follow; the file is truncated", Refusal(file));
    }

    [Fact]
    public void A_pickle_is_named_as_what_it_is() => Assert.Contains("PyTorch pickle", Refusal([(byte)'P', (byte)'K', 3, 4, 0, 0, 8, 8, 0, 0]));

    [Fact]
    public void Control_characters_of_a_hostile_name_do_not_reach_the_message()
    {
        string message = Refusal("{\"a\\u001b[31m\\n" + new string('x', 500) + "\":7}", 0);
        Assert.DoesNotContain('\u001b', message);
        Assert.DoesNotContain('\n', message);
        Assert.True(message.Length < 300);
    }

    [Fact]
    public void Invalid_utf8_in_the_header_is_refused() => Assert.Contains("x.safetensors", Refusal(SafetensorsFile.Bytes([(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)':', (byte)'1', (byte)'}'], 0)));

    [Property(MaxTest = 2000)]
    public bool Whatever_byte_is_damaged_the_reader_answers_with_a_header_or_a_refusal(int position, byte value, ushort cut)
    {
        byte[] file = SafetensorsFile.Of(new("a.weight", [2, 3]), new("b.weight", [4]), new("c", []));
        int at = (int)((uint)position % (uint)file.Length);
        file[at] = value;
        byte[] damaged = file[..Math.Max(0, file.Length - cut % 40)];
        try
        {
            var header = Read(damaged);
            return header.Entries.All(e => e.Offset >= header.DataOffset && e.Offset + e.ByteLength <= damaged.Length);
        }
        catch (InvalidDataException) { return true; }
    }

    [Fact]
    public void A_truncated_file_is_refused_wherever_it_is_cut()
    {
        byte[] file = SafetensorsFile.Of(new("a", [2, 3]), new("b", [4]));
        for (int length = 0; length < file.Length; length++)
        {
            byte[] cut = file[..length];
            Assert.Throws<InvalidDataException>(() => Read(cut));
        }
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void The_golden_models_weights_are_read_and_match_their_configuration()
    {
        string models = Path.Combine(GoldenFolder.Require(), "decoder", "models");
        string[] folders = Directory.GetDirectories(models, "qwen2-*");
        Assert.NotEmpty(folders);
        foreach (string folder in folders)
        {
            var config = ModelConfig.Read(Path.Combine(folder, "config.json"));
            var found = Directory.GetFiles(folder, "model*.safetensors").SelectMany(f => SafetensorsHeader.Read(f).Entries).ToDictionary(e => e.Name);
            var expected = config.Parameters();
            Assert.Equal(expected.Select(p => p.Name).Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
            foreach (var parameter in expected) { Assert.Equal(parameter.Shape, found[parameter.Name].Shape); }
        }
    }
}
