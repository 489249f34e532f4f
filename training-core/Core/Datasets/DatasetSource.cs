using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets;

/// <summary>What prompt and supervised data sets share in reading a <see cref="DataSourceSpec"/>.</summary>
internal static class DatasetSource
{
    /// <exception cref="DatasetException">Not exactly one of task and path is given, or the count is below 1.</exception>
    public static void Check(DataSourceSpec source, string key)
    {
        ArgumentNullException.ThrowIfNull(source);
        if ((source.Task is null) == (source.Path is null))
        {
            throw new DatasetException($"{key} must name exactly one of task and path, and names {(source.Task is null ? "neither" : "both")}.");
        }

        if (source.Count is < 1) { throw new DatasetException($"{key}.count is {source.Count}; it must be at least 1, or left out."); }
    }

    public static ArithmeticTask Task(DataSourceSpec source, long seed, string key) => source.Task == BuiltInTask.Arithmetic
        ? new ArithmeticTask(seed, source.MinTerms, source.MaxTerms)
        : throw new DatasetException($"{key}.task is {source.Task}; this build knows: arithmetic.");

    /// <summary>The first problems of a part: <see cref="DataSourceSpec.Count"/> of them, or at most <paramref name="fallback"/> where no count is given.</summary>
    /// <exception cref="DatasetException">The part has fewer problems than the count, or none.</exception>
    public static List<ArithmeticProblem> Problems(DataSourceSpec source, DatasetSplit split, long seed, string key, int fallback)
    {
        var problems = Task(source, seed, key).Take(split, source.Count ?? fallback);
        if (problems.Count == 0 || problems.Count < source.Count)
        {
            string asked = source.Count is { } count ? $"{key}.count is {count}, but" : $"{key}:";
            throw new DatasetException($"{asked} task arithmetic has {problems.Count} different problems of {source.MinTerms} to {source.MaxTerms} terms in its {split} part; lower count or raise max_terms.");
        }

        return problems;
    }
}
