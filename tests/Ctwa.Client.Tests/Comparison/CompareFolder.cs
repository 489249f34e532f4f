using Ctwa.Client.Commands;
using Ctwa.Client.Comparison;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Tests.Comparison;

/// <summary>A folder with jobs and a comparison of them, in which training is a script. It goes with the test.</summary>
internal sealed class CompareFolder : IDisposable
{
    private readonly Lock gate = new();

    public string Folder { get; } = Directory.CreateTempSubdirectory("ctwa-compare-").FullName;

    public string Output => Path.Combine(Folder, "out");

    public StopSignals Signals { get; } = new();

    public StringWriter Lines { get; } = new();

    public StringWriter Errors { get; } = new();

    /// <summary>Every training asked for: the run directory's name, and whether it was a resume.</summary>
    public List<(string Run, bool Resume)> Trainings { get; } = [];

    /// <summary>Called in place of a training before it succeeds; may throw or return a code of its own.</summary>
    public Func<string, int?> Train { get; set; } = _ => null;

    public string Write(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A small job with a warm start.</summary>
    public string Job(string name, string scalarizer, string more = "") =>
        Write($"{name}.yaml", JobText.Valid.Replace("name: tiny", $"name: {name}", StringComparison.Ordinal) + $"\nwarm_start: {{ steps: 5 }}\nscalarizer: {{ {scalarizer} }}\n{more}\n");

    public CompareOptions Options(params string[] jobs) => new() { Jobs = jobs, Seeds = "2", Output = Output };

    public ComparisonPlan Plan(CompareOptions options) => ComparisonPlan.Create(options, Output, Folder);

    public Task<IReadOnlyList<RunResult>?> RunAsync(ComparisonPlan plan, int parallel = 1) =>
        new ComparisonRunner(plan, parallel, Folder, TrainAsync, new ComparisonProgress(TextWriter.Synchronized(Lines), TextWriter.Synchronized(Errors)), Signals).RunAsync();

    public ComparisonReport Report(ComparisonPlan plan, IReadOnlyList<RunResult> results) => ComparisonReport.Create(plan, results, "ctwa compare", "2026-11-01", "a machine", 1);

    public void Dispose()
    {
        Signals.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task<int> TrainAsync(RunDirectory run, JobSubmission submission, int lanes, IRunOutput output)
    {
        await Task.Yield();
        lock (gate) { Trainings.Add((run.JobId, submission.Resume)); }
        var spec = JobSpecJson.Deserialize(submission.SpecJson);
        await File.WriteAllTextAsync(run.JobPath, JobSpecYaml.Write(spec));
        if (Train(run.JobId) is { } code) { return code; }
        if (spec.Schedule.Steps == 0)
        {
            string checkpoint = Directory.CreateDirectory(Path.Combine(run.FullPath, "checkpoints", "supervised-000005")).FullName;
            await File.WriteAllTextAsync(Path.Combine(checkpoint, "model.safetensors"), run.JobId);
            await File.WriteAllTextAsync(Path.Combine(run.FullPath, "metrics.jsonl"), """{"stage":"supervised","step":5}""" + "\n" + """{"stage":"rl","step":0}""" + "\n");
        }
        else
        {
            await File.AppendAllTextAsync(Path.Combine(run.FullPath, "metrics.jsonl"), """
                {"stage":"rl","step":0,"time/step_s":100}
                {"stage":"rl","step":1,"time/step_s":1.5}
                {"stage":"rl","step":2,"time/step_s":2,"cost/forward_passes":5,"cost/backward_passes":3}

                """);
        }

        double after = 0.5 + 0.1 * spec.Seed + (spec.Scalarizer is CtwaScalarizerSpec ? 0.2 : -0.4);
        await File.WriteAllTextAsync(Path.Combine(run.FullPath, "summary.json"), string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""
            {"steps":3,"held_out_samples":32,"model_sha256":"{{run.JobId}}-0123456789","verdict":"done",
             "objectives":[{"name":"accuracy","before":0.4,"before_se":0.01,"after":{{after}},"after_se":0.01,"verdict":"rose"},
                           {"name":"conciseness","before":0.5,"before_se":0.01,"after":0.9,"after_se":0.01,"verdict":"rose"}],
             "length":{"before":20,"after":10},"hypervolume":{"before":0.2,"after":0.3},"interference_rate":0.25}
            """));
        return ExitCodes.Success;
    }
}
