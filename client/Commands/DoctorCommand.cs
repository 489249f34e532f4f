using System.CommandLine;
using Ctwa.Client.Contexts;
using Ctwa.Client.Doctor;
using Ctwa.Client.Live;
using Ctwa.Client.LocalGrids;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa doctor</c>: looks for what could keep this machine, or its grid, from working. Changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = JsonOption.Create();
        var silo = SiloOption.Create();
        var data = new Option<string>("--data") { Description = "Folder that a grid on this machine would use.", HelpName = "dir", DefaultValueFactory = _ => new UpOptions().Data };
        var ports = new Option<int[]>("--port") { Description = "A port that a silo here is to listen on; must be free. May be repeated.", HelpName = "N", DefaultValueFactory = _ => [] };
        ports.Validators.Add(result =>
        {
            foreach (int port in (result.GetValueOrDefault<int[]>() ?? []).Where(port => port is < 1 or > 65535)) { result.AddError(FormattableString.Invariant($"--port is {port}; accepted is 1 to 65535.")); }
        });
        return new Command("doctor", "Check runtime, native library, device, memory, disk, ports, permissions, and the grid with its Redis; say what to do. Changes nothing.") { json, silo, data, ports }.WithOptionalTarget(async (parsed, target) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            bool asJson = parsed.GetValue(json);
            using var signals = StopSignals.Listen();
            var checks = new List<Check>();
            async Task TellAsync(IEnumerable<Check> found)
            {
                foreach (var check in found)
                {
                    checks.Add(check);
                    if (asJson) { continue; }
                    foreach (string line in CheckText.Lines(check)) { await output.WriteLineAsync(line); }
                }
            }

            try
            {
                await TellAsync(Machine(parsed.GetValue(data)!, parsed.GetValue(ports) ?? []));
                await TellAsync(await SiloChecks.RunAsync(parsed.GetValue(silo), signals.Stop));
                await TellAsync(await GridAsync(target, signals.Stop));
            }
            catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
            {
                return signals.ExitCode;
            }

            await output.WriteLineAsync(asJson ? JsonText.Write(CheckText.Json(checks)) : CheckText.Sum(checks));
            return checks.Any(check => check.Status == CheckStatus.Fail) ? ExitCodes.ChecksFailed : ExitCodes.Success;
        }).WithExamples(("ctwa doctor", "this machine, and the current context's grid"), ("ctwa doctor --redis 10.0.0.1:6379 --cluster-id lab", "another grid"), ("ctwa doctor --json | jq '.checks[] | select(.status != \"ok\")'", "what is not well, for programs"));
    }

    private static IEnumerable<Check> Machine(string data, int[] ports)
    {
        string here = Environment.CurrentDirectory;
        yield return MachineChecks.Runtime();
        yield return MachineChecks.TerminalCheck(Environment.GetEnvironmentVariable, Console.IsOutputRedirected, TerminalSize.Read());
        yield return MachineChecks.Memory(LinesOf("/proc/meminfo"), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        yield return MachineChecks.Disk("disk", here);
        yield return MachineChecks.Writable("runs", Path.Combine(here, "runs"));
        yield return MachineChecks.Writable("data", Path.GetFullPath(data));
        yield return MachineChecks.Writable("temporary", Path.GetFullPath(Path.GetTempPath()));
        yield return MachineChecks.OpenFiles(LinesOf("/proc/self/limits"));
        foreach (var check in MachineChecks.Ports(ports)) { yield return check; }
        yield return MachineChecks.RedisServer();
        yield return MachineChecks.Contexts(ContextFile.Find(Environment.GetEnvironmentVariable));
    }

    private static async Task<IReadOnlyList<Check>> GridAsync(Func<GridTarget> target, CancellationToken cancellationToken)
    {
        bool named = Environment.GetEnvironmentVariable(GridOptions.ClusterIdVariable) is { Length: > 0 };
        try { return await GridChecks.RunAsync(target(), cancellationToken); }
        // No grid is no illness; half a grid is.
        catch (CommandFailure none) when (!named && none.Message.Contains("where is the grid?", StringComparison.Ordinal) && none.Message.StartsWith("--cluster-id is missing", StringComparison.Ordinal)) { return await GridChecks.RunAsync(null, cancellationToken); }
        catch (CommandFailure wrong) { return [Check.Fail("grid", wrong.Message, "Correct the options, variables or context.")]; }
    }

    private static IEnumerable<string> LinesOf(string path)
    {
        try { return File.ReadAllLines(path); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return []; }
    }
}
