using System.ComponentModel;
using System.Diagnostics;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Supervision;

/// <summary>
/// A silo that runs as a child. Its standard input is a pipe that stays open for the life of this process: its end
/// tells the silo that the client is gone, even after SIGKILL, so the silo never outlives its client.
/// </summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    /// <summary>The line that a silo prints once it serves.</summary>
    public const string ReadyLine = "ctwa-silo ready";

    private const string SettingPrefix = "CTWA_SILO_";

    // After the exit, grandchildren could keep the pipes open for ever.
    private static readonly TimeSpan DrainAtMost = TimeSpan.FromSeconds(2);

    private readonly Process process;
    private readonly TaskCompletionSource<string> ports = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloProcess(Process process, LogTail log)
    {
        this.process = process;
        Log = log;
        Exited = WatchAsync();
    }

    /// <summary>What the silo wrote.</summary>
    public LogTail Log { get; }

    public int Id => process.Id;

    /// <summary>Completes when the silo serves; never, if it does not come to that.</summary>
    public Task Ready => ready.Task;

    /// <summary>The fields of the ports line, which follows: <c>silo=N gateway=N ...</c>.</summary>
    public Task<string> Ports => ports.Task;

    /// <summary>Completes after the exit, with the silo's last output in <see cref="Log"/>.</summary>
    public Task<SiloExit> Exited { get; }

    /// <exception cref="CommandFailure">The program cannot be started.</exception>
    public static SiloProcess Start(SiloCommand command, IEnumerable<string> arguments, LogTail log)
    {
        var start = new ProcessStartInfo(command.FileName, [.. command.Prefix, .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Settings for silos that somebody starts by hand: here the arguments say everything.
        foreach (string variable in start.Environment.Keys.Where(key => key.StartsWith(SettingPrefix, StringComparison.Ordinal)).ToArray()) { start.Environment.Remove(variable); }
        try
        {
            return new SiloProcess(Process.Start(start)!, log);
        }
        catch (Win32Exception e)
        {
            throw new CommandFailure(ExitCodes.SiloLost, $"cannot start the silo {string.Join(' ', [command.FileName, .. command.Prefix])}: {e.Message}. Check that it is executable, or set {SiloCommand.Variable}.");
        }
    }

    /// <summary>Asks the silo to leave by closing its standard input; kills it if it is still there after <paramref name="patience"/>.</summary>
    public async Task<SiloExit> StopAsync(TimeSpan patience)
    {
        CloseInput();
        try
        {
            return await Exited.WaitAsync(patience);
        }
        catch (TimeoutException)
        {
            Log.Add($"ctwa: the silo was still running {patience.TotalSeconds:0.#} s after its client finished and was killed.");
            Kill();
            return await Exited;
        }
    }

    /// <summary>Asks the silo to leave in order; returns at once.</summary>
    public void RequestLeave()
    {
        try
        {
            process.StandardInput.Write('\n');
            process.StandardInput.Flush();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It has left.
        }
    }

    /// <summary>Ends the silo and its children at once.</summary>
    public void Kill()
    {
        try { process.Kill(entireProcessTree: true); }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It, or one of its children, has gone already.
        }
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        await Exited;
        process.Dispose();
        Log.Dispose();
    }

    private void CloseInput()
    {
        try { process.StandardInput.Close(); }
        catch (IOException) { /* A dead reader; the exit is seen elsewhere. */ }
    }

    private async Task<SiloExit> WatchAsync()
    {
        var output = CopyAsync(process.StandardOutput, isOutput: true);
        var error = CopyAsync(process.StandardError, isOutput: false);
        await process.WaitForExitAsync();
        await Task.WhenAny(Task.WhenAll(output, error), Task.Delay(DrainAtMost));
        return new SiloExit(process.ExitCode);
    }

    private async Task CopyAsync(StreamReader reader, bool isOutput)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            Log.Add(line);
            if (isOutput && line.Trim() == ReadyLine) { ready.TrySetResult(); }
            if (isOutput && line.StartsWith(GridIdentity.PortsLine, StringComparison.Ordinal)) { ports.TrySetResult(line[GridIdentity.PortsLine.Length..].Trim()); }
        }
    }
}
