using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using TorchSharp;

namespace Ctwa.Grains.Hosting;

/// <summary>How much memory models have.</summary>
internal static class DeviceMemory
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Sum over the GPUs, as their driver's tool tells it; without any, memory of this machine or container. 0: unknown.</summary>
    public static long Measure(IReadOnlyList<torch.Device> devices)
    {
        int[] gpus = [.. devices.Where(device => device.type == DeviceType.CUDA).Select(device => Math.Max(0, device.index))];
        return gpus.Length == 0
            ? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes
            : Sum(Ask(), gpus);
    }

    /// <summary>Adds lines of MiB by their index.</summary>
    internal static long Sum(string megabytes, IEnumerable<int> gpus)
    {
        string[] lines = megabytes.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return gpus.Sum(gpu => gpu < lines.Length && long.TryParse(lines[gpu], NumberStyles.None, CultureInfo.InvariantCulture, out long size) ? size << 20 : 0);
    }

    private static string Ask()
    {
        try
        {
            using var tool = Process.Start(new ProcessStartInfo("nvidia-smi", ["--query-gpu=memory.total", "--format=csv,noheader,nounits"]) { RedirectStandardOutput = true, RedirectStandardError = true });
            if (tool is null) { return ""; }
            var answer = tool.StandardOutput.ReadToEndAsync();
            if (tool.WaitForExit(s_patience) && answer.Wait(s_patience)) { return answer.Result; }
            tool.Kill();
            return "";
        }
        catch (Exception none) when (none is Win32Exception or InvalidOperationException)
        {
            return "";
        }
    }
}
