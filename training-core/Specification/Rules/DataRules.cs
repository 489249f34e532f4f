namespace Ctwa.Training.Specification;

/// <summary>Rules over data sources, wherever they stand in a job.</summary>
internal static class DataRules
{
    /// <summary>A place of a job that may hold a data source.</summary>
    public sealed record Source(string Path, Func<JobSpec, DataSourceSpec?> Of);

    public static IReadOnlyList<Source> Sources { get; } =
    [
        new("data.train", job => job.Data.Train),
        new("data.validation", job => job.Data.Validation),
        new("data.test", job => job.Data.Test),
        new("warm_start.data", job => job.WarmStart?.Data),
        new("supervised.data", job => job.Supervised?.Data),
    ];

    public static IEnumerable<JobFinding> OneSource(Source source, JobSpec job)
    {
        if (source.Of(job) is { } data && (data.Task is null) == (data.Path is null))
        {
            yield return new(source.Path, $"has {(data.Task is null ? "neither task nor path" : "both task and path")}; give exactly one: task (a built-in generated task) or path (a JSONL or parquet file).");
        }
    }

    public static IEnumerable<JobFinding> ReadableFormat(Source source, JobSpec job)
    {
        string extension = Path.GetExtension(source.Of(job)?.Path ?? "").ToLowerInvariant();
        if (extension is ".csv" or ".tsv" or ".arrow" or ".feather" or ".xlsx" or ".gz" or ".zst" or ".bz2" or ".xz" or ".zip")
        {
            yield return new(source.Path + ".path", $"is '{source.Of(job)!.Path}'; this version reads JSONL (one JSON object per line) and parquet. {(extension is ".gz" or ".zst" or ".bz2" or ".xz" or ".zip" ? "Unpack" : "Convert")} the {extension[1..]} file.");
        }
    }

    public static IEnumerable<JobFinding> TermsInOrder(Source source, JobSpec job)
    {
        if (source.Of(job) is { Task: not null } data && data.MinTerms > data.MaxTerms)
        {
            yield return new(source.Path + ".min_terms", $"is {data.MinTerms}, more than max_terms {data.MaxTerms}; give at most {data.MaxTerms}, or raise max_terms.");
        }
    }

    public static IEnumerable<JobFinding> DifferentFields(Source source, JobSpec job)
    {
        if (source.Of(job) is { Path: not null } data && data.PromptField == data.AnswerField)
        {
            yield return new(source.Path + ".answer_field", $"is '{data.AnswerField}', the same as prompt_field; a model would be trained on the question. Name the field with the answer.");
        }
    }

    public static IEnumerable<JobFinding> HeldOutData(JobSpec job)
    {
        // Tasks are split by a hash of the problem: only files can be given twice.
        if (job.Data.Train.Path is not { } train) { yield break; }
        foreach (var (path, data) in ((string, DataSourceSpec?)[])[("data.validation", job.Data.Validation), ("data.test", job.Data.Test)])
        {
            if (data?.Path is { } file && Normal(file) == Normal(train)) { yield return new(path + ".path", $"is '{file}', the file of data.train; held-out data must not be trained on. Split the file."); }
        }
    }

    public static IEnumerable<JobFinding> DataToValidateOn(JobSpec job)
    {
        if (job.Kind == JobKind.Rl && job.Schedule.ValidateEvery > 0 && job.Data.Validation is null)
        {
            yield return new("schedule.validate_every", $"is {job.Schedule.ValidateEvery}, but there is no data.validation; give data.validation, or validate_every: 0.");
        }
    }

    public static IEnumerable<JobFinding> ResponsesToWarmStartOn(JobSpec job)
    {
        if (job is { Kind: JobKind.Rl, WarmStart: { Data: null }, Data.Train: { Path: { } path, Task: null } })
        {
            yield return new("warm_start.data", $"is missing, and data.train is '{path}', whose answers are ground truths, not responses to imitate; give warm_start.data with a file of full responses.");
        }
    }

    /// <summary>Names that the template is given by the conversation itself.</summary>
    private static readonly string[] takenVariables = ["messages", "tools", "add_generation_prompt"];

    public static IEnumerable<JobFinding> ChatVariables(JobSpec job)
    {
        foreach (string name in job.Data.ChatOptions.Keys.Where(takenVariables.Contains))
        {
            yield return new($"data.chat_options.{name}", "cannot be set; the conversation decides it. Remove it.");
        }

        if (job.Data is { Chat: ChatMode.Never, ChatOptions.Count: > 0 })
        {
            yield return new("data.chat_options", "has no effect with data.chat: never, which uses no template; remove it, or choose auto or always.");
        }
    }

    private static string Normal(string path)
    {
        try { return Path.GetFullPath(path); }
        catch (ArgumentException) { return path; }
    }
}
