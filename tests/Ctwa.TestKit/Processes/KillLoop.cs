using System.Diagnostics;
using System.Globalization;

namespace Ctwa.TestKit.Processes;

/// <summary>Something that a kill must not do: another history, an orphan, a wrong exit code.</summary>
public sealed class KillLoopException(string message) : Exception(message);

/// <summary>
/// Runs a job, kills client, silo or both with SIGKILL at random moments, resumes, and compares what comes out with a
/// run that nobody disturbed.
/// </summary>
/// <param name="folder">Working directory; holds the runs.</param>
/// <param name="job">Job file.</param>
/// <param name="seed">Of victims and moments.</param>
/// <param name="print">Told about every kill.</param>
public sealed class KillLoop(string folder, string job, int seed, Action<string> print)
{
    // The silo leaves 5 s after its client at the latest; a busy machine may take longer to let it.
    private static readonly TimeSpan OrphanPatience = TimeSpan.FromSeconds(30);

    // System.Random: repeatable from the printed seed, and nothing of the product depends on it.
    private readonly Random _random = new(seed);
    private TimeSpan _start;
    private TimeSpan _training;

    /// <summary>Kills this often, in as many runs as it takes; every run is continued until it is finished.</summary>
    /// <returns>The finished runs; the first is the undisturbed one.</returns>
    /// <exception cref="KillLoopException">A run differs from the undisturbed one, or something did not end as documented.</exception>
    public async Task<IReadOnlyList<RunFolder>> RunAsync(int kills)
    {
        var runs = new List<RunFolder> { await UndisturbedAsync() };
        print(string.Create(CultureInfo.InvariantCulture, $"seed {seed}; undisturbed: ready after {_start.TotalSeconds:0.0} s, trains {_training.TotalSeconds:0.0} s, {runs[0].ModelHash[..16]}"));
        for (int left = kills; left > 0;)
        {
            var run = new RunFolder(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"killed-{runs.Count}")));
            while (!await AttemptAsync(run, disturb: left > 0, kills - left + 1)) { left--; }
            runs.Add(run);
            Compare(runs[0], run);
        }

        return runs;
    }

    private static void Compare(RunFolder expected, RunFolder run)
    {
        if (run.ModelHash != expected.ModelHash) { throw new KillLoopException($"{run.FullPath} ended with other weights: {run.ModelHash}, undisturbed {expected.ModelHash}."); }
        string[] different = [.. expected.History.Zip(run.History).Where(pair => pair.First != pair.Second).Select(pair => $"{pair.First}\n{pair.Second}")];
        if (different.Length > 0 || run.History.Count != expected.History.Count) { throw new KillLoopException($"{run.FullPath}/metrics.jsonl tells another history: {string.Join(", ", run.Steps)}\n{string.Join('\n', different)}"); }
    }

    private async Task<RunFolder> UndisturbedAsync()
    {
        var run = new RunFolder(Path.Combine(folder, "undisturbed"));
        var clock = Stopwatch.StartNew();
        await using var client = CtwaProcess.Start(folder, "train", job, "--output", run.FullPath);
        await client.WaitForOutputAsync("parameters");
        _start = clock.Elapsed;
        Expect(await client.WaitAsync(), 0);
        _training = clock.Elapsed - _start;
        return run;
    }

    /// <returns>True: the run is finished. False: it was killed.</returns>
    private async Task<bool> AttemptAsync(RunFolder run, bool disturb, int number)
    {
        // Other lanes each time: a resume may meet another machine.
        string lanes = _random.Next(1, 3).ToString(CultureInfo.InvariantCulture);
        bool resumed = run.IsResumable;
        await using var client = CtwaProcess.Start(folder, ["train", .. resumed ? (string[])["--resume", run.FullPath] : [job, "--output", run.FullPath], "--lanes", lanes]);
        if (!disturb)
        {
            Expect(await client.WaitAsync(), 0);
            return true;
        }

        var victim = (Victim)_random.Next(3);
        string moment = await AwaitMomentAsync(client, resumed);
        if (client.Exited.IsCompleted)
        {
            Expect(await client.Exited, 0);
            return true;
        }

        var silo = client.FindSilo();
        if (victim == Victim.Silo) { silo = await client.WaitForSiloAsync(); }
        if (victim is Victim.Silo or Victim.Both) { silo?.Send(UnixSignal.Kill); }
        if (victim is Victim.Client or Victim.Both) { client.Client.Send(UnixSignal.Kill); }

        var ended = Stopwatch.StartNew();
        var result = await client.WaitAsync();
        await client.WaitForSiloToLeaveAsync(OrphanPatience);
        string last = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries) is [.., var line] ? line[..Math.Min(line.Length, 60)] : "";
        print(string.Create(CultureInfo.InvariantCulture, $"kill {number}: {victim} of {Path.GetFileName(run.FullPath)} {moment}, gone after {ended.Elapsed.TotalSeconds:0.0} s, exit {result.ExitCode}; last line: {last}"));
        // The job had ended before the signal arrived, and its processes were on their way out: no kill that counts.
        if (result.ExitCode == 0) { return true; }
        Expect(result, victim == Victim.Silo ? 4 : 128 + (int)UnixSignal.Kill);
        return false;
    }

    /// <summary>One in four moments lies in the start, the others in the training.</summary>
    private async Task<string> AwaitMomentAsync(CtwaProcess client, bool resumed)
    {
        bool atStart = _random.Next(4) == 0;
        if (!atStart) { await client.WaitForOutputAsync(resumed ? "resumed after" : "parameters"); }
        // Rarely beyond the end, which a resumed run is closer to: one that finishes undisturbed shows nothing and costs its time.
        var delay = (atStart ? _start : _training * 0.5) * _random.NextDouble();
        await Task.WhenAny(client.Exited, Task.Delay(delay));
        return string.Create(CultureInfo.InvariantCulture, $"{delay.TotalSeconds:0.00} s after its {(atStart ? "start" : "first step")}");
    }

    private static void Expect(CtwaResult result, int exitCode)
    {
        if (result.ExitCode != exitCode) { throw new KillLoopException($"expected exit code {exitCode}, but: {result}"); }
    }

    private enum Victim { Client, Silo, Both }
}
