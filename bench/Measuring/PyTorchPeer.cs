using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Bench.Measuring;

/// <summary>
/// PyTorch in a process of its own that does the same work when asked, so that the two can take turns: one JSON line in, one out
/// (bench/pytorch/peer.py). `CTWA_PYTHON` names the interpreter; without it /usr/bin/python3 and python3 are tried.
/// </summary>
internal sealed class PyTorchPeer : IDisposable
{
    private readonly Process? _process;

    private PyTorchPeer(Process? process, string name, string? absent) => (_process, Name, Absent) = (process, name, absent);

    /// <summary>Version and BLAS, for tables.</summary>
    public string Name { get; }

    /// <summary>Why there is none; null if there is.</summary>
    public string? Absent { get; }

    /// <summary>Starts it if an interpreter has PyTorch.</summary>
    public static PyTorchPeer Start(int threads)
    {
        string script = Path.Combine(Checkout.Find().Root, "bench", "pytorch", "peer.py");
        string[] candidates = Environment.GetEnvironmentVariable("CTWA_PYTHON") is { Length: > 0 } set ? [set] : ["/usr/bin/python3", "python3"];
        foreach (string python in candidates)
        {
            Process process;
            try
            {
                process = Process.Start(new ProcessStartInfo(python, [script, "--threads", $"{threads}"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
            }
            catch (System.ComponentModel.Win32Exception) { continue; }

            process.ErrorDataReceived += (_, line) => { if (line.Data is { } text && Environment.GetEnvironmentVariable("CTWA_BENCH_TRACE") is { Length: > 0 }) { Console.Error.WriteLine(text); } };
            process.BeginErrorReadLine();
            if (process.StandardOutput.ReadLine() is { } hello && JsonNode.Parse(hello)?["name"]?.GetValue<string>() is { } name) { return new PyTorchPeer(process, name, null); }
            process.Dispose();
        }

        return new PyTorchPeer(null, "PyTorch", $"no PyTorch in {string.Join(" or ", candidates)} (Debian: python3-torch and libopenblas0-pthread; or set CTWA_PYTHON)");
    }

    /// <summary>Lets it do one piece of work.</summary>
    /// <param name="work">Function of bench/pytorch, and its arguments.</param>
    /// <returns>Its answer: at least the seconds.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message has its words.</exception>
    public JsonNode Ask(string work, object arguments)
    {
        if (_process is null) { throw new InvalidOperationException(Absent); }
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(new { work, arguments }));
        _process.StandardInput.Flush();
        var answer = JsonNode.Parse(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{Name} ended during {work}; set CTWA_BENCH_TRACE=1 to see why."))!;
        return answer["error"] is { } error ? throw new InvalidOperationException($"{Name}, {work}: {error}") : answer;
    }

    /// <summary>A contestant for <see cref="Interleaved"/>.</summary>
    public Func<double> Contestant(string work, object arguments) => () => Ask(work, arguments)["seconds"]!.GetValue<double>();

    public void Dispose()
    {
        if (_process is null) { return; }
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000)) { _process.Kill(); }
        _process.Dispose();
    }
}
