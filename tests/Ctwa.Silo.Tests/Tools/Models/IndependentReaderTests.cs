using System.Diagnostics;
using System.Globalization;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Presets;
using Ctwa.Training.Specification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Silo.Tests.Tools.Models;

/// <summary>Exports are read by another program in another language: Python with nothing but its standard library, and safetensors where it is installed.</summary>
public sealed class IndependentReaderTests : IDisposable
{
    /// <summary>Prints a line per tensor: name, type, shape, every value as a hexadecimal double. Written from the format's description.</summary>
    private const string Reader = """
        import json, os, struct, sys
        folder = sys.argv[1]
        index = os.path.join(folder, "model.safetensors.index.json")
        if os.path.exists(index):
            with open(index) as f: table = json.load(f)
            files = sorted(set(table["weight_map"].values()))
        else:
            table, files = None, ["model.safetensors"]
        values = {"F32": ("f", 4), "F16": ("e", 2), "BF16": (None, 2)}
        total, seen = 0, {}
        for name in files:
            with open(os.path.join(folder, name), "rb") as f: data = f.read()
            (size,) = struct.unpack("<Q", data[:8])
            text = data[8:8 + size]
            assert size % 8 == 0 and text[:1] == b"{" and text.rstrip(b" ")[-1:] == b"}", "header is not an object padded with spaces to 8 bytes"
            header = json.loads(text)
            assert header.pop("__metadata__")["format"] == "pt"
            body, end = data[8 + size:], 0
            for tensor, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
                begin, stop = entry["data_offsets"]
                assert begin == end, "hole or overlap"
                end = stop
                code, width = values[entry["dtype"]]
                count = 1
                for d in entry["shape"]: count *= d
                assert stop - begin == count * width and begin % width == 0
                raw = body[begin:stop]
                if code: numbers = struct.unpack("<%d%s" % (count, code), raw)
                else: numbers = [struct.unpack("<f", struct.pack("<I", bits << 16))[0] for bits in struct.unpack("<%dH" % count, raw)]
                assert tensor not in seen
                seen[tensor] = name
                print(tensor, entry["dtype"], "x".join(map(str, entry["shape"])), "".join(struct.pack(">d", n).hex() for n in numbers))
            assert end == len(body), "bytes behind the last tensor"
            total += end
        if table: assert table["weight_map"] == seen and table["metadata"]["total_size"] == total
        try:
            import numpy
            from safetensors import safe_open
            for name in files:
                with safe_open(os.path.join(folder, name), framework="numpy") as f: assert set(f.keys()) == {t for t, n in seen.items() if n == name}
            print("#safetensors")
        except ImportError: pass
        """;

    private readonly ModelPlace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    [InlineData("float16")]
    public async Task An_export_means_the_same_numbers_to_another_program(string dtype)
    {
        RequirePython();
        string run = await _place.RunAsync(ModelPlace.Config(ModelArchitecture.Qwen3, tied: false), 5);
        Assert.Equal(0, (await ToolRun.OfAsync("model", "export", run, "--out", _place.At("out"), "--dtype", dtype)).ExitCode);
        AssertSame(_place.At("out"));
    }

    [Fact]
    public void Shards_and_their_index_mean_the_same_numbers_to_another_program()
    {
        RequirePython();
        string folder = Directory.CreateDirectory(_place.At("shards")).FullName;
        var files = SafetensorsShards.Write(folder, RandomWeights.Sources(ModelPlace.Config(), 1, SafetensorsDType.BF16), shardBytes: 5_000);
        Assert.True(files.Count > 3);
        AssertSame(folder);
    }

    private void AssertSame(string folder)
    {
        using var scope = NewDisposeScope();
        using var reader = SafetensorsReader.Open(folder);
        string[][] lines = [.. Run(folder).Where(line => line[0] != '#').Select(line => line.Split(' '))];
        Assert.Equal(reader.Names, lines.Select(line => line[0]).Order(StringComparer.Ordinal));
        foreach (string[] line in lines)
        {
            var entry = reader.Entry(line[0]);
            Assert.Equal(entry.DType.ToString(), line[1]);
            Assert.Equal(string.Join('x', entry.Shape), line[2]);
            double[] ours = reader.Read(line[0]).to(float64).view(-1).data<double>().ToArray();
            Assert.Equal(string.Concat(ours.Select(value => BitConverter.DoubleToInt64Bits(value).ToString("x16", CultureInfo.InvariantCulture))), line[3]);
        }
    }

    private string[] Run(string folder)
    {
        string script = _place.At("reader.py");
        File.WriteAllText(script, Reader);
        using var python = Process.Start(new ProcessStartInfo("python3", [script, folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = python.StandardError.ReadToEndAsync();
        string output = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        Assert.True(python.ExitCode == 0, error.GetAwaiter().GetResult());
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static void RequirePython()
    {
        try
        {
            using var python = Process.Start(new ProcessStartInfo("python3", ["-c", "import json, struct"]) { RedirectStandardError = true })!;
            python.WaitForExit();
            Assert.SkipUnless(python.ExitCode == 0, "python3 is there but has no standard library.");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("there is no python3, the independent reader of this test.");
        }
    }
}
