using System.Diagnostics;
using System.Text.Json;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Bench.Checkpoints;

/// <summary>One run of a job by LocalTrainer in a folder of its own: how long its RL steps took, and how long a checkpoint took to be complete.</summary>
internal sealed class TimedSteps : ITrainingObserver
{
    // The first steps meet cold code and fresh memory.
    private const int Cold = 2;
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromMilliseconds(2);

    private readonly SortedDictionary<int, long> _ends = [];
    private readonly SortedDictionary<int, TimeSpan> _processor = [];
    private readonly string _checkpoints;

    private TimedSteps(string folder) => _checkpoints = Path.Combine(folder, "checkpoints");

    /// <summary>Seconds of the steps that count, with what lies between them; [steps].</summary>
    public double[] Seconds => [.. _ends.Keys.Where(step => step > Cold).Select(step => Stopwatch.GetElapsedTime(_ends[step - 1], _ends[step]).TotalSeconds)];

    /// <summary>Seconds of processor time per step, all threads together, over the same steps.</summary>
    public double ProcessorSeconds => (_processor[_processor.Keys.Last()] - _processor[Cold]).TotalSeconds / (_processor.Keys.Last() - Cold);

    /// <summary>Bytes of weights and moments.</summary>
    public long Bytes { get; private set; }

    /// <summary>Seconds from the end of a step's work to its checkpoint under its final name, of steps whose checkpoint was written beside the next ones.</summary>
    public List<double> Durable { get; } = [];

    /// <summary>Runs the job; the folder is deleted.</summary>
    public static async Task<TimedSteps> RunAsync(JobSpec job, string folder)
    {
        if (Directory.Exists(folder)) { Directory.Delete(folder, recursive: true); }
        var timed = new TimedSteps(folder);
        using (var run = RunDirectory.Open(folder, resume: false))
        using (var end = new CancellationTokenSource())
        {
            var prepared = PreparedJob.Prepare(job, folder);
            timed.Bytes = 12 * prepared.Layout.Length;
            run.WriteJob(JobSpecYaml.Write(job));
            var watch = Task.Run(() => timed.WatchAsync(end.Token));
            // A thread of its own, as a process that trains has: threads of the pool have other numbers of native threads.
            Exception? failure = null;
            var training = new Thread(() =>
            {
                try { LocalTrainer.RunAsync(prepared, run, timed).GetAwaiter().GetResult(); }
                catch (Exception error) { failure = error; }
            });
            training.Start();
            training.Join();
            await end.CancelAsync();
            await watch;
            if (failure is not null) { throw new InvalidOperationException($"the job failed: {failure.Message}", failure); }
        }

        Directory.Delete(folder, recursive: true);
        return timed;
    }

    public void Metrics(TrainingStage stage, string json)
    {
        if (stage != TrainingStage.Rl) { return; }
        using var line = JsonDocument.Parse(json);
        int step = line.RootElement.GetProperty("step").GetInt32();
        lock (_ends) { _ends[step] = Stopwatch.GetTimestamp(); }
        _processor[step] = Environment.CpuUsage.TotalTime;
    }

    public void Message(string text) { }

    public void Warning(string text) { }

    public void Checkpoint(TrainingStage stage, int step, string path) { }

    public void Summary(string json) { }

    /// <summary>Looks for folders that got their final name: what a run tells, it tells at the end of a step.</summary>
    private async Task WatchAsync(CancellationToken end)
    {
        for (int step = 1; !end.IsCancellationRequested;)
        {
            await Task.Delay(s_betweenLooks, CancellationToken.None);
            if (!Directory.Exists(Path.Combine(_checkpoints, RunDirectory.StepName(TrainingStage.Rl, step)))) { continue; }
            long now = Stopwatch.GetTimestamp();
            lock (_ends)
            {
                if (step > Cold && _ends.TryGetValue(step, out long ended)) { Durable.Add(Stopwatch.GetElapsedTime(ended, now).TotalSeconds); }
            }

            step++;
        }
    }
}
