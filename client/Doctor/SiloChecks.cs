using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Doctor;

/// <summary>The silo's program, and what it says of libtorch and devices: this process has neither.</summary>
internal static class SiloChecks
{
    /// <summary>Arguments by which a silo's program describes itself.</summary>
    private static readonly string[] s_probe = ["tool", "probe"];

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <param name="siloPath">Value of <c>--silo</c>; null: not given.</param>
    public static async Task<IReadOnlyList<Check>> RunAsync(string? siloPath, CancellationToken cancellationToken)
    {
        SiloCommand silo;
        try { silo = SiloCommand.Find(siloPath); }
        catch (CommandFailure none)
        {
            return [Check.Warn("silo", "there is no ctwa-silo here: train, up, compare, eval, generate, model and data need it", none.Message)];
        }

        var (code, output, error) = await AskAsync(silo, cancellationToken);
        return [.. Judge(silo.Program, code, output, error, HasGpu())];
    }

    /// <summary>What the answer means.</summary>
    /// <param name="program">Path of the silo.</param>
    /// <param name="code">Exit code; null: it could not be started, or did not end in time.</param>
    /// <param name="output">What it printed.</param>
    /// <param name="error">What it complained of.</param>
    /// <param name="gpu">This machine has a GPU by NVIDIA.</param>
    internal static IEnumerable<Check> Judge(string program, int? code, string output, string error, bool gpu)
    {
        if (Parse(output) is not { ValueKind: JsonValueKind.Object } probe)
        {
            string said = TextOf(error.Trim().Split('\n')[0]);
            yield return Check.Fail("silo", $"{program} does not answer ({(code is { } number ? string.Create(CultureInfo.InvariantCulture, $"exit code {number}") : "no exit code")}{(said.Length > 0 ? ": " + said : "")})", "Is it ctwa-silo of this version, complete, and for this system? Build it again: dotnet build silo");
            yield break;
        }

        string Text(string name) => probe.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? TextOf(value.GetString()!) : "";
        string version = Text("version"), mine = Versions.Short;
        yield return version == mine ? Check.Ok("silo", $"{program}, version {version}")
            : Check.Warn("silo", $"{program} has version {version}, and this is ctwa {mine}", "Use both of one version.");
        if (Text("error") is { Length: > 0 } broken)
        {
            yield return Check.Fail("libtorch", broken, "The native library cannot be loaded. It needs glibc 2.34 or newer and a temporary folder (TMPDIR) from which programs may be loaded; with TorchBackend=external also CTWA_LIBTORCH or LD_LIBRARY_PATH.");
            yield break;
        }

        yield return Check.Ok("libtorch", $"{Text("libtorch")}, {Text("instructions")} kernels, {Text("processor")}");
        int devices = probe.TryGetProperty("cuda_devices", out var count) && count.TryGetInt32(out int found) ? found : 0;
        if (devices > 0) { yield return Check.Ok("device", string.Create(CultureInfo.InvariantCulture, $"{devices} GPU{(devices == 1 ? "" : "s")}: {Text("cuda_name")}")); }
        else if (gpu) { yield return Check.Warn("device", "this machine has a GPU, and this silo's libtorch cannot use it", "Build the silo with -p:TorchBackend=cuda, or external with a CUDA libtorch; check that nvidia-smi works."); }
        else { yield return Check.Ok("device", "CPU (no GPU by NVIDIA was found)"); }
    }

    private static JsonElement? Parse(string json)
    {
        try { return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 4 }).RootElement; }
        catch (JsonException) { return null; }
    }

    private static bool HasGpu() => File.Exists("/dev/nvidia0") || (Directory.Exists("/proc/driver/nvidia/gpus") && Directory.EnumerateDirectories("/proc/driver/nvidia/gpus").Any());

    private static string TextOf(string text) => TerminalText.Line(text.Length <= 300 ? text : text[..300] + "...");

    private static async Task<(int? Code, string Output, string Error)> AskAsync(SiloCommand silo, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(silo.FileName, [.. silo.Prefix, .. s_probe]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            try
            {
                await process.WaitForExitAsync(cancellationToken).WaitAsync(s_patience, cancellationToken);
                return (process.ExitCode, await output, await error);
            }
            catch (TimeoutException)
            {
                process.Kill(entireProcessTree: true);
                return (null, "", FormattableString.Invariant($"no answer for {s_patience.TotalSeconds:0} s"));
            }
        }
        catch (Win32Exception e)
        {
            return (null, "", e.Message);
        }
    }
}
