using Ctwa.TestKit;
using Ctwa.Training.Datasets;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

/// <summary>Files of other writers, from apache/parquet-testing.</summary>
public sealed class ParquetSampleTests
{
    private static readonly string s_folder = Path.Combine(GoldenFolder.RepositoryRoot, "tests", "Ctwa.Training.Tests", "Datasets", "ParquetSamples");

    [Theory]
    [InlineData("datapage_v2.snappy", 5, "{a: abc, b: 1, c: 2, d: true, e: [1, 2, 3]} {a: abc, b: 2, c: 3, d: true, e: null} {a: abc, b: 3, c: 4, d: true, e: null} {a: null, b: 4, c: 5, d: false, e: [1, 2, 3]} {a: abc, b: 5, c: 2, d: true, e: [1, 2]}")]
    [InlineData("nested_lists.snappy", 3, "{a: [[[a, b], [c]], [null, [d]]], b: 1} {a: [[[a, b], [c, d]], [null, [e]]], b: 1} {a: [[[a, b], [c, d], [e]], [null, [f]]], b: 1}")]
    [InlineData("repeated_no_annotation", 6, "{id: 1, phoneNumbers: null} {id: 2, phoneNumbers: null} {id: 3, phoneNumbers: {phone: []}} {id: 4, phoneNumbers: {phone: [{number: 5555555555, kind: null}]}}")]
    [InlineData("rle_boolean_encoding", 68, "{datatype_boolean: true} {datatype_boolean: false} {datatype_boolean: null}")]
    [InlineData("concatenated_gzip_members", 513, "{long_col: 1} {long_col: 2} {long_col: 3}")]
    [InlineData("delta_length_byte_array", 1000, "{FRUIT: apple_banana_mango0} {FRUIT: apple_banana_mango1} {FRUIT: apple_banana_mango4}")]
    [InlineData("byte_stream_split.zstd", 300, "{f32: 1.7640524, f64: -1.3065268517353166} {f32: 0.4001572, f64: 1.658130679618188}")]
    [InlineData("list_columns", 3, "{int64_list: [1, 2, 3], utf8_list: [abc, efg, hij]} {int64_list: [null, 1], utf8_list: null} {int64_list: [4], utf8_list: [efg, null, hij, xyz]}")]
    public void Encodings_page_kinds_and_nesting_of_other_writers_are_read(string name, int rows, string first)
    {
        var read = DataFile.Objects(Path.Combine(s_folder, name + ".parquet")).Select(row => Show(row.Row)).ToList();
        Assert.Equal(rows, read.Count);
        Assert.Equal(first, string.Join(' ', read.Take(first.Split("} {").Length)));
    }

    [Fact]
    public void Delta_encoded_columns_hold_what_their_writer_says_they_hold()
    {
        string[] expected = File.ReadAllLines(Path.Combine(s_folder, "delta_encoding_optional_column_expect.csv"))[1..];
        var read = DataFile.Objects(Path.Combine(s_folder, "delta_encoding_optional_column.parquet")).Select(row => string.Join(",", row.Row.Items.Select(item => item.Value is DataValue.Nothing ? "" : $"\"{Show(item.Value)}\""))).ToList();
        Assert.Equal(expected, read);
    }

    [Theory]
    [InlineData("lz4_raw_compressed", "compression 'lz4_raw', which this version does not read; write the file with snappy")]
    [InlineData("rle-dict-uncompressed-corrupt-checksum", "its checksum (CRC-32) is wrong, so the page is damaged")]
    [InlineData("ARROW-GH-45185", "column 'x.list.element', page at byte 4: rows and lists do not fit together")]
    [InlineData("ARROW-RS-GH-6229-DICTHEADER", "do not lie between the file's begin and its footer")]
    [InlineData("ARROW-RS-GH-6229-LEVELS", "a page of 21 entries where 1 are left")]
    [InlineData("PARQUET-1481", "column 'Handle' has the unknown physical type -7")]
    public void Files_that_cannot_be_read_are_refused_with_the_reason(string name, string expected)
    {
        string path = Path.Combine(s_folder, name + ".parquet");
        string message = Assert.Throws<DatasetException>(() => DataFile.Objects(path).Count()).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dates_and_bytes_are_not_taken_for_text_or_numbers()
    {
        string path = Path.Combine(s_folder, "alltypes_plain.parquet");
        string message = Assert.Throws<DatasetException>(() => DataFile.Read(path, "string_col", "timestamp_col", null).Count()).Message;
        Assert.Equal($"{path}: row 1: field 'timestamp_col' is int96; it must be a string or a number.", message);
        Assert.Equal(8, DataFile.Read(path, "date_string_col", "double_col", null).Count());
    }

    private static string Show(DataValue value)
    {
        switch (value)
        {
            case DataValue.Text t: return t.Value;
            case DataValue.Number n: return n.Written;
            case DataValue.Truth t: return t.Value ? "true" : "false";
            case DataValue.Sequence s: return "[" + string.Join(", ", s.Items.Select(Show)) + "]";
            case DataValue.Fields f: return "{" + string.Join(", ", f.Items.Select(item => $"{item.Key}: {Show(item.Value)}")) + "}";
            default: return value.Kind;
        }
    }
}
