namespace Ctwa.Training.Specification;

/// <summary>
/// Applies <c>--set path=value</c> to the tree of a job file. A path is dotted; a list's entry is chosen by index
/// (<c>objectives[0].weight</c>) or by its name (<c>objectives.accuracy.weight</c>). The value is YAML: a scalar or
/// a flow collection; <c>null</c> brings back the default.
/// </summary>
internal static class JobOverrides
{
    public static void Apply(JobMap root, IReadOnlyList<string> overrides, List<JobError> errors)
    {
        foreach (string text in overrides)
        {
            string source = $"--set {text}";
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string path = equals < 0 ? text : text[..equals].Trim();
            if (equals < 0 || JobPath.Split(path) is not { } parts)
            {
                errors.Add(new JobError(source, 0, 0, "", "expected is path=value, such as schedule.steps=10 or objectives[0].weight=2."));
                continue;
            }

            int before = errors.Count;
            var value = JobYaml.Parse(source, false, text[(equals + 1)..], errors) ?? new JobScalar(new JobMark(source, 0, 0), "", plain: true);
            if (errors.Count == before && Place(root, parts, value) is { } problem) { errors.Add(new JobError(source, 0, 0, path, problem)); }
        }
    }

    /// <summary>Puts the value at its path, making mappings on the way; returns what prevents it.</summary>
    private static string? Place(JobMap root, List<(string Key, List<int> Indices)> parts, JobNode value)
    {
        var mark = value.Mark;
        JobNode node = root;
        Action<JobNode> replace = _ => { };
        string walked = "";
        foreach (var (key, indices) in parts)
        {
            if (node is JobScalar { Type: JobScalarType.Null })
            {
                node = new JobMap(mark);
                replace(node);
            }

            if (node is JobList named)
            {
                int at = named.Items.FindIndex(i => NameOf(i) == key);
                if (at < 0) { return $"{walked} has no entry named '{key}'; it has: {Names(named)}. Choose one by name or by index, {walked}[0]."; }
                walked = JobPath.Index(walked, at);
                replace = n => named.Items[at] = n;
                node = named.Items[at];
            }
            else if (node is JobMap map)
            {
                walked = JobPath.Join(walked, key);
                var keyMark = map.Find(key) is { } old && indices.Count > 0 ? old.Mark : mark;
                replace = n =>
                {
                    if (n is JobScalar { Type: JobScalarType.Null }) { map.Entries.RemoveAll(e => e.Key == key); }
                    else { map.Set(key, keyMark, n); }
                };
                node = map.Find(key)?.Value ?? new JobScalar(mark, "", plain: true);
            }
            else { return $"{walked} is {node.Kind}, {((JobScalar)node).Shown}; it has no key '{key}'."; }

            foreach (int index in indices)
            {
                if (node is not JobList list) { return $"{walked} is {node.Kind}, not a list; an index has no meaning."; }
                if (index < 0 || index >= list.Items.Count) { return $"{walked} has {list.Items.Count} entries, counted from 0; to change their number, set the whole list."; }
                walked = JobPath.Index(walked, index);
                replace = n => list.Items[index] = n;
                node = list.Items[index];
            }
        }

        replace(value);
        return null;
    }

    private static string? NameOf(JobNode node) => ((node as JobMap)?.Find("name")?.Value as JobScalar)?.Text;

    private static string Names(JobList list) => list.Items.Count == 0 ? "nothing" : string.Join(", ", list.Items.Select(i => NameOf(i) ?? "(no name)"));
}
