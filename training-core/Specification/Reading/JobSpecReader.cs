using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Ctwa.Training.Specification;

/// <summary>Reads job files: YAML 1.2 (or JSON, a part of it) to a <see cref="JobSpec"/>, or every error at once with its place.</summary>
public static class JobSpecReader
{
    /// <summary>Longest job file in bytes; also the longest job that the grid accepts.</summary>
    public const int MaxBytes = 256 * 1024;

    private const int MaxErrors = 100;

    /// <summary>Reads a job file. Never throws for what the file is or holds.</summary>
    /// <param name="path">The file; errors name it as given.</param>
    /// <param name="overrides">Texts of <c>--set</c>, <c>path=value</c> each, applied in order.</param>
    public static JobReadResult Read(string path, IReadOnlyList<string> overrides)
    {
        byte[] bytes;
        try
        {
            if (Directory.Exists(path)) { return Failed(path, "is a directory; give the job file in it."); }
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // One byte more than allowed tells a file that is too long, whatever its length claims (a pipe has none).
            bytes = new byte[MaxBytes + 1];
            int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (read > MaxBytes) { return Failed(path, $"is longer than {MaxBytes / 1024} KB; a job file holds settings, not data. Put data into JSONL files and name them under data."); }
            bytes = bytes[..read];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException) { return Failed(path, $"no such file; looked for {FullPath(path)}."); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException) { return Failed(path, $"cannot be read: {e.Message}"); }

        if (bytes.AsSpan().Contains((byte)0) || !Utf8.IsValid(bytes)) { return Failed(path, "is not UTF-8 text; expected is a YAML job file."); }
        string text = Encoding.UTF8.GetString(bytes);
        return ReadText(path, text.StartsWith('\uFEFF') ? text[1..] : text, overrides);
    }

    /// <summary>The same for a text.</summary>
    /// <param name="name">Names the text in errors.</param>
    public static JobReadResult ReadText(string name, string text, IReadOnlyList<string> overrides)
    {
        // A character of more than one byte counts once: 256 K characters are still bounded work.
        if (text.Length > MaxBytes) { return Failed(name, $"is longer than {MaxBytes / 1024} KB; a job holds settings, not data."); }
        var errors = new List<JobError>();
        var root = JobYaml.Parse(name, true, text, errors);
        if (root is null && errors.Count > 0) { return new JobReadResult(name, null, null, errors); }
        if (root is null or JobScalar { Type: JobScalarType.Null }) { return Failed(name, "is empty; a job has at least name, model and data."); }
        if (root is not JobMap map) { return new JobReadResult(name, null, null, [new JobError(name, root.Mark.Line, root.Mark.Column, "", $"is {root.Kind}; expected is a mapping with the keys of a job: name, model, data, ...")]); }

        JobOverrides.Apply(map, overrides, errors);
        var walker = new JobWalker(errors);
        var json = walker.Walk(map);
        // A broken job is completed with defaults, so that the rules over its sound parts still speak.
        var spec = json.Deserialize<JobSpec>(walker.Broken.Count == 0 ? JobSpecJson.Options : JobSpecJson.Lenient)!;
        var found = JobRules.Check(spec, walker.Broken).Select(f => JobPath.ErrorAt(map, f));
        errors = [.. errors.Concat(found).OrderBy(e => e.Line == 0).ThenBy(e => e.Line).ThenBy(e => e.Column)];
        if (errors.Count > MaxErrors) { errors = [.. errors[..MaxErrors], new JobError(name, 0, 0, "", $"{errors.Count - MaxErrors} more errors are not shown.")]; }
        return new JobReadResult(name, map, errors.Count == 0 ? spec : null, errors);
    }

    private static JobReadResult Failed(string name, string message) => new(name, null, null, [new JobError(name, 0, 0, "", message)]);

    private static string FullPath(string path)
    {
        try { return Path.GetFullPath(path); }
        catch (ArgumentException) { return path; }
    }
}
