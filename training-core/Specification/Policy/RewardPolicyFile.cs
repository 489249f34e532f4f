using System.Text;

namespace Ctwa.Training.Specification;

/// <summary>Reads a policy from YAML or JSON: a mapping with the lists <c>programs</c>, <c>hosts</c> and <c>secrets</c>, each optional.</summary>
public static class RewardPolicyFile
{
    private const int MaxBytes = 1 << 20;
    private static readonly string[] keys = ["programs", "hosts", "secrets"];

    /// <exception cref="InvalidDataException">The file is no policy; the message names every place that is wrong.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RewardPolicy Read(string path)
    {
        if (new FileInfo(path).Length > MaxBytes) { throw new InvalidDataException($"{path} is longer than {MaxBytes} bytes; a policy is a list of programs, hosts and secrets."); }
        return ReadText(path, File.ReadAllText(path, Encoding.UTF8));
    }

    /// <inheritdoc cref="Read"/>
    public static RewardPolicy ReadText(string path, string text)
    {
        var errors = new List<JobError>();
        var root = JobYaml.Parse(path, true, text, errors);
        var lists = keys.ToDictionary(key => key, _ => new List<string>());
        void Refuse(JobMark mark, string key, string message) => errors.Add(new JobError(mark.Source, mark.Line, mark.Column, key, message));

        foreach (var entry in (root as JobMap)?.Entries ?? [])
        {
            if (!lists.TryGetValue(entry.Key, out var list)) { Refuse(entry.Mark, entry.Key, $"unknown key; known are: {string.Join(", ", keys)}."); continue; }
            if (entry.Value is not JobList values) { Refuse(entry.Value.Mark, entry.Key, $"is {entry.Value.Kind}; expected is a list of texts."); continue; }
            foreach (var item in values.Items)
            {
                if (item is not JobScalar { Type: JobScalarType.Text } scalar) { Refuse(item.Mark, entry.Key, $"contains {item.Kind}; expected is text."); continue; }
                if (Error(entry.Key, scalar.Text) is { } error) { Refuse(item.Mark, entry.Key, error); }
                list.Add(scalar.Text);
            }
        }

        if (errors.Count == 0 && root is not (JobMap or null or JobScalar { Type: JobScalarType.Null })) { Refuse(root.Mark, "", $"is {root.Kind}; expected is a mapping with the keys {string.Join(", ", keys)}."); }
        if (errors.Count > 0) { throw new InvalidDataException(string.Join('\n', errors)); }
        return new RewardPolicy { Programs = lists["programs"], Hosts = [.. lists["hosts"].Select(HostPattern.Parse)], Secrets = lists["secrets"] };
    }

    /// <summary>What is wrong with an entry of a list, if anything.</summary>
    /// <param name="list"><c>programs</c>, <c>hosts</c> or <c>secrets</c>.</param>
    /// <param name="entry">The entry.</param>
    public static string? Error(string list, string entry)
    {
        switch (list)
        {
            case "programs": return Path.IsPathRooted(entry) ? null : $"'{entry}' is not an absolute path of a program.";
            case "hosts":
                try
                {
                    _ = HostPattern.Parse(entry);
                    return null;
                }
                catch (FormatException error) { return error.Message; }

            default: return entry.Length > 0 && entry.AsSpan().IndexOfAny("= \0") < 0 ? null : $"'{entry}' is not the name of an environment variable.";
        }
    }
}
