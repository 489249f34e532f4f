using System.Diagnostics;
using System.Text;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards.Programs;

/// <summary>One running copy of a grader: lines in, lines out.</summary>
internal sealed class GraderProgram : IDisposable
{
    /// <summary>Longest reply line.</summary>
    public const int MaxLineBytes = 1 << 20;

    private const int MaxLogLines = 200;
    private static readonly string[] s_inherited = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
    private readonly Process _process;
    private readonly BoundedLines _lines;
    private readonly Task _log;
    private volatile string _lastWords = "";

    private GraderProgram(Process process, string name, Action<string> log)
    {
        _process = process;
        _lines = new BoundedLines(process.StandardOutput.BaseStream, MaxLineBytes);
        _log = LogAsync(name, log);
    }

    /// <summary>Lines of output so far.</summary>
    public long Lines => _lines.Count;

    /// <exception cref="IOException">It cannot be started.</exception>
    public static GraderProgram Start(ProcessRewardSpec spec, string name, Action<string> log)
    {
        string path = ProgramPath.Find(spec.Command[0]) ?? throw new IOException($"there is no program '{spec.Command[0]}'");
        var (program, arguments) = ProcessGroup.Wrap(path, spec.Command.Skip(1));
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = spec.WorkingDirectory ?? "",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The silo's environment holds secrets of other jobs: a program gets what its job names, and the ordinary rest.
        string[] names = [.. s_inherited, .. spec.Environment];
        foreach (string other in start.Environment.Keys.Except(names, StringComparer.Ordinal).ToArray()) { start.Environment.Remove(other); }
        try
        {
            return new GraderProgram(Process.Start(start)!, name, log);
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new IOException(error.Message, error);
        }
    }

    /// <summary>Writes request lines; fails if the program has closed its input.</summary>
    /// <exception cref="IOException">The program reads no more.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellationToken)
    {
        await _process.StandardInput.BaseStream.WriteAsync(lines, cancellationToken);
        await _process.StandardInput.BaseStream.FlushAsync(cancellationToken);
    }

    /// <summary>The next line of output; null when there is no more.</summary>
    /// <exception cref="RewardReplyException">It is too long.</exception>
    public ValueTask<byte[]?> ReceiveAsync(CancellationToken cancellationToken) => _lines.NextAsync(cancellationToken);

    /// <summary>How it ended, for messages: exit code and last line of standard error. Waits a moment for both.</summary>
    public async Task<string> EpitaphAsync()
    {
        await Task.WhenAny(Task.WhenAll(_process.WaitForExitAsync(), _log), Task.Delay(TimeSpan.FromSeconds(1)));
        string how = _process.HasExited ? FormattableString.Invariant($"exit code {_process.ExitCode}") : "still running";
        return _lastWords.Length == 0 ? $"({how})" : $"({how}; last line of standard error: {_lastWords})";
    }

    public void Dispose()
    {
        ProcessGroup.KillAll(_process);
        _process.WaitForExit(TimeSpan.FromSeconds(5));
        _process.Dispose();
    }

    private async Task LogAsync(string name, Action<string> log)
    {
        // Standard error is read to its end whatever it holds: a full pipe would stop the program.
        byte[] buffer = new byte[4096];
        var line = new StringBuilder();
        int logged = 0;
        try
        {
            int count;
            while ((count = await _process.StandardError.BaseStream.ReadAsync(buffer)) > 0)
            {
                foreach (char c in Encoding.UTF8.GetString(buffer, 0, count))
                {
                    if (c != '\n') { if (line.Length < 500) { line.Append(char.IsControl(c) ? ' ' : c); } continue; }
                    End();
                }
            }

            End();
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Killed.
        }

        void End()
        {
            string text = line.ToString().Trim();
            line.Clear();
            if (text.Length == 0) { return; }
            _lastWords = text;
            if (++logged <= MaxLogLines) { log($"{name}: {text}"); }
            if (logged == MaxLogLines) { log($"{name}: further lines of standard error are not logged."); }
        }
    }
}
