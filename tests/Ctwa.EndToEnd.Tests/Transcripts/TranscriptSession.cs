using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Ctwa.TestKit.Processes;

namespace Ctwa.EndToEnd.Tests.Transcripts;

/// <summary>A new user's home, in which the commands of a transcript run with the real <c>ctwa</c>, one after the other.</summary>
internal sealed partial class TranscriptSession : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly string _home = Directory.CreateTempSubdirectory("ctwa-transcript-").FullName;
    private bool _grid;

    private TranscriptSession() { }

    /// <summary>Makes the home, with a job and, if asked, a grid.</summary>
    public static async Task<TranscriptSession> StartAsync(bool grid)
    {
        var session = new TranscriptSession();
        try
        {
            _ = ExactnessJobs.Create("linear", odd: false).WriteTo(session._home);
            File.WriteAllText(Path.Combine(session._home, "broken.yaml"), "nmae: tiny\nmodel: { path: nowhere }\n");
            if (grid)
            {
                session._grid = true;
                var (code, output) = await session.RunAsync("ctwa up --detach --data grid --cluster-id demo --device cpu --drain-timeout 5 && eval \"$(grep -o '\"--gateway [^\"]*\\|--gateway [^\"]*' grid/up.json | head -1 | sed 's/^\"*/ctwa context add demo /')\"");
                if (code != 0) { throw new InvalidOperationException($"the transcript's grid did not start: {output}"); }
            }

            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a command; both streams as they came, masked.</summary>
    public async Task<IReadOnlyList<string>> AskAsync(string command)
    {
        var (code, output) = await RunAsync(command);
        string text = Mask(output).TrimEnd('\n');
        List<string> lines = text.Length == 0 ? [] : [.. text.Split('\n').Select(line => line.TrimEnd())];
        if (code != 0) { lines.Add(string.Create(CultureInfo.InvariantCulture, $"[{code}]")); }
        return lines;
    }

    public async ValueTask DisposeAsync()
    {
        if (_grid) { await RunAsync("ctwa down --data grid --force"); }
        Directory.Delete(_home, recursive: true);
    }

    private async Task<(int Code, string Output)> RunAsync(string command)
    {
        // What a transcript keeps between its commands is the id of a job.
        string script = $"[ -f .id ] && . ./.id; {{ {command}\n}} 2>&1; code=$?; declare -p ID > .id 2> /dev/null; exit $code";
        var start = new ProcessStartInfo("setsid", ["--wait", "/bin/bash", "--norc", "-c", script]) { WorkingDirectory = _home, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (string variable in start.Environment.Keys.Where(name => name.StartsWith("CTWA_", StringComparison.Ordinal) || name.StartsWith("XDG_", StringComparison.Ordinal)).ToArray()) { start.Environment.Remove(variable); }
        start.Environment["HOME"] = _home;
        start.Environment["LANG"] = "C.UTF-8";
        start.Environment["PATH"] = $"{Path.GetDirectoryName(Checkout.Client)}:{start.Environment["PATH"]}";
        start.Environment[ChildRuntime.Variable] = ChildRuntime.Folder;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(s_patience);
        await process.WaitForExitAsync().WaitAsync(s_patience);
        return (process.ExitCode, output);
    }

    /// <summary>Replaces what differs from run to run and from machine to machine.</summary>
    private string Mask(string text)
    {
        text = text.Replace(_home, "<home>", StringComparison.Ordinal).Replace(Checkout.Root, "<checkout>", StringComparison.Ordinal).Replace("dotnet run --project client --", "ctwa", StringComparison.Ordinal);
        text = Id().Replace(text, "-<id>");
        text = Time().Replace(text, "<time>");
        text = Address().Replace(text, "127.0.0.1:<port>");
        text = Process1().Replace(text, "process <n>");
        text = Hash().Replace(text, "<hash>");
        text = Memory().Replace(text, "<memory>");
        text = Took().Replace(text, "<duration>");
        text = Processor().Replace(text, "cpu <processor>");
        text = Rate().Replace(text, "<n> tok/s");
        text = Kernels().Replace(text, "<instructions> kernels, <processor>");
        text = Lanes().Replace(text, "with <n> lanes");
        text = ShortHash().Replace(text, "sha256 <hash>");
        text = Decimal().Replace(text, "#.#");
        return Columns().Replace(text, "  ");
    }

    [GeneratedRegex(@"-[0-9]{8}-[0-9]{6}(-[0-9]+)?")]
    private static partial Regex Id();

    [GeneratedRegex(@"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z?")]
    private static partial Regex Time();

    [GeneratedRegex(@"127\.0\.0\.1:[0-9]+(@[0-9]+)?")]
    private static partial Regex Address();

    [GeneratedRegex("process [0-9]+")]
    private static partial Regex Process1();

    [GeneratedRegex(@"\b[0-9a-f]{64}\b")]
    private static partial Regex Hash();

    [GeneratedRegex(@"[0-9]+(\.[0-9]+)? (GiB|MiB|GB|MB)\b")]
    private static partial Regex Memory();

    [GeneratedRegex(@"\b[0-9]+(\.[0-9]+)? (ms|s|min [0-9]+ s)\b")]
    private static partial Regex Took();

    [GeneratedRegex(@"\bcpu (?!<)[^ \n]+( [^ \n]+)*")]
    private static partial Regex Processor();

    [GeneratedRegex(@"\b[0-9.]+k? tok/s")]
    private static partial Regex Rate();

    [GeneratedRegex(@"(?<![0-9.])[-+]?[0-9]+\.[0-9]+(e-?[0-9]+)?(?![0-9.]*[0-9])")]
    private static partial Regex Decimal();

    [GeneratedRegex(@"\b(avx512|avx2|default) kernels, [^\n]+")]
    private static partial Regex Kernels();

    [GeneratedRegex("with [0-9]+ lanes?")]
    private static partial Regex Lanes();

    [GeneratedRegex(@"sha256 [0-9a-f]{12}\b")]
    private static partial Regex ShortHash();

    [GeneratedRegex(@"(?<=[^ \n]) {2,}")]
    private static partial Regex Columns();
}
