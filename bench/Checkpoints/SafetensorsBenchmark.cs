using System.Diagnostics;
using System.Globalization;
using Ctwa.Bench.Measuring;
using Ctwa.Training.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Bench.Checkpoints;

/// <summary>Loading and saving a model's file against reading and copying the same bytes, with the file in the page cache.</summary>
internal static class SafetensorsBenchmark
{
    private const int Buffer = 1 << 20, Hidden = 896;
    private const string Copy = "copy of the file, 1 MiB at a time";

    /// <summary>Measures a file of 0.25 GB, or of 1 GB.</summary>
    public static Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        string folder = Directory.CreateTempSubdirectory("ctwa-safetensors-").FullName;
        try
        {
            using var scope = NewDisposeScope();
            // Matrices of Qwen2.5-0.5B's width with norms and biases between them, as views of one vector: what a checkpoint writes.
            (string Name, long[] Shape)[] entries = [.. Enumerable.Range(0, options.Quick ? 8 : 32).SelectMany(layer => Layer(layer))];
            var flat = rand([entries.Sum(entry => Count(entry.Shape))], float32);
            var target = empty_like(flat);
            var tensors = Views(flat, entries);
            var targets = Views(target, entries);
            string file = Path.Combine(folder, "model.safetensors"), saved = Path.Combine(folder, "saved.safetensors"), copied = Path.Combine(folder, "copied");
            SafetensorsWriter.Write(file, tensors, flushToDisk: true);
            double gigabytes = new FileInfo(file).Length / 1e9;
            int rounds = options.RoundsOr(full: 7, quick: 5);
            string size = string.Create(CultureInfo.InvariantCulture, $"{gigabytes:0.00} GB, {entries.Length} tensors");

            void Load()
            {
                using var reader = SafetensorsReader.Open(file);
                foreach (var (name, tensor) in targets) { reader.CopyTo(name, tensor); }
            }

            void Compare(string key, string what, Func<double> ours, string against, Func<double> theirs)
            {
                if (!options.Wants(key)) { return; }
                PeakMemory.Reset();
                var seconds = Interleaved.Seconds(rounds, warmUps: 1, ours, theirs);
                report.Add(Comparison.OfRates(key, $"{what}, {size}", "GB/s", gigabytes, seconds[0], against, seconds[1], peak: PeakMemory.Read()));
            }

            Compare("safetensors_load", "load", Interleaved.Timed(Load), Copy, OnNewFile(copied, () => CopyFile(file, copied, sync: false)));
            byte[] memory = GC.AllocateUninitializedArray<byte>((int)new FileInfo(file).Length);
            Compare("safetensors_load_read", "load", Interleaved.Timed(Load), "read of the file into memory", Interleaved.Timed(() => ReadFile(file, memory)));
            Compare("safetensors_save", "save", OnNewFile(saved, () => SafetensorsWriter.Write(saved, tensors)), Copy, OnNewFile(copied, () => CopyFile(file, copied, sync: false)));
            Compare("safetensors_save_sync", "save, synced", OnNewFile(saved, () => SafetensorsWriter.Write(saved, tensors, flushToDisk: true)), Copy + ", synced", OnNewFile(copied, () => CopyFile(file, copied, sync: true)));
            Load();
            if (!target.equal(flat).all().item<bool>()) { throw new InvalidOperationException("what was loaded is not what was saved."); }
            return Task.CompletedTask;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<(string Name, long[] Shape)> Layer(int layer)
    {
        string At(string name) => string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{name}");
        yield return (At("input_layernorm.weight"), [Hidden]);
        yield return (At("self_attn.q_proj.bias"), [Hidden]);
        yield return (At("self_attn.q_proj.weight"), [Hidden, Hidden]);
        yield return (At("mlp.gate_proj.weight"), [4096, Hidden]);
        yield return (At("mlp.down_proj.weight"), [Hidden, 4096]);
    }

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);

    private static List<(string Name, Tensor Tensor)> Views(Tensor flat, IEnumerable<(string Name, long[] Shape)> entries)
    {
        var views = new List<(string, Tensor)>();
        long offset = 0;
        foreach (var (name, shape) in entries)
        {
            views.Add((name, flat.narrow(0, offset, Count(shape)).view(shape)));
            offset += Count(shape);
        }

        return views;
    }

    /// <summary>Times making a file; that the last one goes first costs nobody.</summary>
    private static Func<double> OnNewFile(string path, Action make) => () =>
    {
        File.Delete(path);
        long start = Stopwatch.GetTimestamp();
        make();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    };

    /// <summary>As cp does it where a file system can neither share blocks nor copy by itself.</summary>
    private static void CopyFile(string from, string to, bool sync)
    {
        using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        using var target = new FileStream(to, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] buffer = new byte[Buffer];
        for (int count; (count = source.Read(buffer)) > 0;) { target.Write(buffer, 0, count); }
        if (sync) { target.Flush(flushToDisk: true); }
    }

    private static void ReadFile(string path, byte[] memory)
    {
        using var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        source.ReadExactly(memory);
    }
}
