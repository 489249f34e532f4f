using Ctwa.Training.Specification;

namespace Ctwa.Client.Jobs;

/// <summary>A job read from a file.</summary>
/// <param name="Spec">The resolved job; null if there are errors.</param>
/// <param name="Errors">Everything that is wrong, one message each.</param>
internal sealed record LoadedJob(JobSpec? Spec, IReadOnlyList<string> Errors);

/// <summary>The client's one place for job files.</summary>
internal static class JobFiles
{
    public static LoadedJob Load(string path, IReadOnlyList<string> overrides) => throw new NotImplementedException();

    public static string ToJson(JobSpec spec) => throw new NotImplementedException();

    public static string ToYaml(JobSpec spec) => throw new NotImplementedException();

    public static string Plan(JobSpec spec) => throw new NotImplementedException();

    public static string Schema() => throw new NotImplementedException();
}
