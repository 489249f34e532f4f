using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets;

/// <summary>A prompt to complete and the answer that rewards compare with.</summary>
/// <param name="Prompt">Its text; for a conversation the content of the last user turn, which is what rewards see.</param>
public sealed record PromptExample(string Prompt, string GroundTruth)
{
    /// <summary>The conversation, if the data holds one (a list of role and content); empty: a plain text.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];
}

/// <summary>Prompts with random access, from a generated task or a data file. Read <see cref="DatasetOrder"/> for the order in which a run visits them.</summary>
public sealed class PromptDataset
{
    /// <summary>Problems of a generated task where the job file names no count: training, and each held-out part.</summary>
    public const int DefaultTrainCount = 2048, DefaultHeldOutCount = 128;

    private readonly PromptExample[] _examples;
    private readonly Func<long, string> _place;

    private PromptDataset(PromptExample[] examples, Func<long, string> place) => (_examples, _place) = (examples, place);

    /// <summary>Number of prompts, at least 1.</summary>
    public long Count => _examples.Length;

    /// <summary>Opens the source that a job file names.</summary>
    /// <param name="source">The source.</param>
    /// <param name="split">Part of a generated task; a file is taken as it is.</param>
    /// <param name="seed">Seed of the job.</param>
    /// <param name="key">The source's key in the job file, for messages: <c>data.train</c>.</param>
    /// <exception cref="DatasetException">The source names neither or both of task and path, a file is missing, empty or malformed, or a task has fewer problems than asked for.</exception>
    public static PromptDataset Open(DataSourceSpec source, DatasetSplit split, long seed, string key)
    {
        DatasetSource.Check(source, key);
        if (source.Path is { } path) { return FromFile(path, source); }
        int fallback = split == DatasetSplit.Train ? DefaultTrainCount : DefaultHeldOutCount;
        var problems = DatasetSource.Problems(source, split, seed, key, fallback);
        return new([.. problems.Select(problem => new PromptExample(problem.Prompt, problem.GroundTruth))], index => $"{key}: prompt {index}");
    }

    /// <summary>Where the prompt at <paramref name="index"/> stands, for messages: file and line or row.</summary>
    public string PlaceOf(long index) => _place(index);

    /// <summary>The prompt at <paramref name="index"/> in [0, <see cref="Count"/>).</summary>
    public PromptExample At(long index) => index >= 0 && index < Count
        ? _examples[index]
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"must lie in [0, {Count}).");

    private static PromptDataset FromFile(string path, DataSourceSpec source)
    {
        var examples = new List<PromptExample>();
        // Blank lines shift the numbers of lines; without any, there is nothing to remember.
        List<long>? numbers = null;
        foreach (var row in DataFile.Read(path, source.PromptField, source.AnswerField, source.Count))
        {
            if (numbers is null && row.Number != examples.Count + 1) { numbers = [.. Enumerable.Range(1, examples.Count)]; }
            numbers?.Add(row.Number);
            examples.Add(new PromptExample(row.Prompt, row.Answer) { Messages = row.Messages });
        }

        bool parquet = DataFile.IsParquet(path);
        return new([.. examples], index => DataFile.Place(path, numbers?[(int)index] ?? index + 1, parquet));
    }
}
