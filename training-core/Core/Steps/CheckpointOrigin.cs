using System.Text.Json;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>
/// The job and the machine that a checkpoint belongs to, written into it. A resume under another job is refused, since
/// neither job would describe the run; a resume on another kind of machine is told that bits may differ.
/// </summary>
internal static class CheckpointOrigin
{
    private const string JobFile = "job.json";
    private const int MostShown = 6;

    /// <summary>Adds <c>job.json</c> and <c>fingerprint.json</c> to a checkpoint.</summary>
    public static void WriteTo(string checkpoint, JobSpec spec)
    {
        File.WriteAllText(Path.Combine(checkpoint, JobFile), JobSpecJson.Serialize(spec));
        NumericFingerprint.OfCpu(spec.Grid.ThreadsPerShard).WriteTo(checkpoint);
    }

    /// <summary>Compares a checkpoint's job and machine with the present ones.</summary>
    /// <param name="warn">Receives what may change the run's bits.</param>
    /// <exception cref="JobInputException">A setting outside <c>schedule</c> is another.</exception>
    public static void Check(string checkpoint, JobSpec spec, Action<string> warn)
    {
        string path = Path.Combine(checkpoint, JobFile);
        if (File.Exists(path)) { CheckJob(checkpoint, Settings(File.ReadAllText(path)), Settings(JobSpecJson.Serialize(spec)), warn); }
        if (NumericFingerprint.ReadFrom(checkpoint) is { } there && NumericFingerprint.OfCpu(spec.Grid.ThreadsPerShard).DifferencesFrom(there) is { Count: > 0 } differences)
        {
            warn($"this machine computes with another numeric fingerprint than the one that wrote '{checkpoint}' ({string.Join("; ", differences)}): the run continues, but its bits may differ from an uninterrupted run's.");
        }
    }

    private static void CheckJob(string checkpoint, SortedDictionary<string, string> run, SortedDictionary<string, string> job, Action<string> warn)
    {
        var changed = run.Keys.Union(job.Keys)
            .Select(key => (Key: key, Run: run.GetValueOrDefault(key, "absent"), Job: job.GetValueOrDefault(key, "absent")))
            .Where(entry => entry.Run != entry.Job && !entry.Key.StartsWith("schedule.", StringComparison.Ordinal) && entry.Key != "name")
            .ToList();
        string Show(IEnumerable<(string Key, string Run, string Job)> entries) => string.Join("; ", entries.Select(entry => $"{entry.Key} is {entry.Job} but was {entry.Run}"));

        // A run may have moved: what the files hold is checked where they are read.
        var moved = changed.Where(entry => IsPath(entry.Key) && entry.Run != "absent" && entry.Job != "absent").ToList();
        if (moved.Count > 0) { warn($"the job names other files than '{checkpoint}' was trained with ({Show(moved)}); the run is the same only if their contents are."); }
        var refused = changed.Except(moved).ToList();
        if (refused.Count == 0) { return; }
        string more = refused.Count > MostShown ? $"; and {refused.Count - MostShown} more" : "";
        throw new JobInputException($"the run cannot be resumed with another job than '{checkpoint}' was trained with: {Show(refused.Take(MostShown))}{more}. Only schedule.* may change; resume with the run's own job.yaml, or start a new run.");
    }

    private static bool IsPath(string key) => key.EndsWith(".path", StringComparison.Ordinal) || key == "model.init.tokenizer";

    /// <summary>Every leaf of a job by its path, as JSON text.</summary>
    private static SortedDictionary<string, string> Settings(string json)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        using var document = JsonDocument.Parse(json);
        Add("", document.RootElement);
        return settings;

        void Add(string path, JsonElement value)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.Object:
                    foreach (var property in value.EnumerateObject()) { Add(path.Length == 0 ? property.Name : $"{path}.{property.Name}", property.Value); }
                    break;
                case JsonValueKind.Array:
                    int index = 0;
                    foreach (var item in value.EnumerateArray()) { Add($"{path}[{index++}]", item); }
                    break;
                default:
                    settings[path] = value.GetRawText();
                    break;
            }
        }
    }
}
