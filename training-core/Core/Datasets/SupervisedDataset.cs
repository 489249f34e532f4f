using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets;

/// <summary>
/// Examples of a supervised stage, addressed by step and place in the step. An example is a pure function of the job and
/// its address, so any shard can read its part of any step and there is no cursor to save.
/// </summary>
public sealed class SupervisedDataset
{
    private readonly Func<long, int, SupervisedExample> _at;

    private SupervisedDataset(int batchSize, Func<long, int, SupervisedExample> at, int? rows = null) => (BatchSize, _at, Rows) = (batchSize, at, rows);

    /// <summary>Rows of the file; null: examples are generated.</summary>
    public int? Rows { get; }

    /// <summary>Examples per step, over all shards.</summary>
    public int BatchSize { get; }

    /// <summary>
    /// Opens a stage's data: a file's rows, each once per pass in an order drawn by the seed, or a task's generated
    /// solutions. A task without a count draws from all training problems, with one from that many different ones.
    /// </summary>
    /// <param name="stage">The stage.</param>
    /// <param name="train">The job's training data, used where the stage names none of its own.</param>
    /// <param name="seed">Seed of the job.</param>
    /// <param name="key">The stage's key in the job file, for messages: <c>warm_start</c> or <c>supervised</c>.</param>
    /// <exception cref="DatasetException">As <see cref="PromptDataset.Open"/>.</exception>
    public static SupervisedDataset Open(SupervisedSpec stage, DataSourceSpec train, long seed, string key)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var source = stage.Data ?? train;
        string sourceKey = stage.Data is null ? "data.train" : key + ".data";
        DatasetSource.Check(source, sourceKey);
        return source.Path is { } path
            ? FromRows([.. DataFile.Read(path, source.PromptField, source.AnswerField, source.Count).Select(row => new SupervisedExample(row.Prompt, row.Answer) { Messages = row.Messages })], stage.BatchSize, seed)
            : FromTask(stage, source, seed, sourceKey);
    }

    /// <summary>The example at place <paramref name="index"/> in [0, <see cref="BatchSize"/>) of step <paramref name="step"/>, counted from 0.</summary>
    public SupervisedExample At(long step, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        return index >= 0 && index < BatchSize
            ? _at(step, index)
            : throw new ArgumentOutOfRangeException(nameof(index), index, $"must lie in [0, {BatchSize}).");
    }

    private static SupervisedDataset FromTask(SupervisedSpec stage, DataSourceSpec source, long seed, string key)
    {
        var problems = source.Count is { } count ? DatasetSource.Problems(source, DatasetSplit.Train, seed, key, count) : null;
        var warmStart = new ArithmeticWarmStart(DatasetSource.Task(source, seed, key), ArithmeticStyleMix.Default, problems);
        return new(stage.BatchSize, (step, index) =>
        {
            var solution = warmStart.At(step, index, stage.CurriculumSteps, stage.AnswerNoise);
            return new SupervisedExample(solution.Problem.Prompt, solution.Response);
        });
    }

    private static SupervisedDataset FromRows(SupervisedExample[] rows, int batchSize, long seed) => new(batchSize, (step, index) =>
    {
        var (pass, offset) = Math.DivRem(checked((step * batchSize) + index), rows.Length);
        return rows[new IndexPermutation(seed, RandomPurpose.SupervisedExample, pass, rows.Length).At(offset)];
    }, rows.Length);
}
