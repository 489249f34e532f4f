using System.Text;
using Ctwa.Training.Randomness;

namespace Ctwa.Training.Datasets;

/// <summary>
/// The built-in task: chains of small arithmetic whose problems are split by a hash of their text. The split does not
/// depend on the seed, so a problem held out in one run is held out in all.
/// </summary>
internal sealed class ArithmeticTask
{
    /// <summary>Fewest and most terms that a chain may have.</summary>
    public const int SmallestTerms = 2, LargestTerms = 16;

    // 13 + 13 of 256 hash buckets are held out: 10 % of the problems, half for validation and half for the final test.
    private const int ValidationBuckets = 13, HeldOutBuckets = 26;

    /// <param name="seed">Seed of the job.</param>
    /// <param name="minTerms">Fewest terms of a chain.</param>
    /// <param name="maxTerms">Most terms of a chain.</param>
    /// <exception cref="DatasetException">The range of terms is empty or out of bounds.</exception>
    public ArithmeticTask(long seed, int minTerms = 4, int maxTerms = 5)
    {
        if (minTerms < SmallestTerms || maxTerms > LargestTerms || minTerms > maxTerms)
        {
            throw new DatasetException($"task arithmetic: min_terms {minTerms} and max_terms {maxTerms} must satisfy {SmallestTerms} <= min_terms <= max_terms <= {LargestTerms}.");
        }

        Seed = seed;
        MinTerms = minTerms;
        MaxTerms = maxTerms;
    }

    /// <summary>Seed of the job: it orders the problems, it does not split them.</summary>
    public long Seed { get; }

    public int MinTerms { get; }

    public int MaxTerms { get; }

    /// <summary>The part of the task that a prompt belongs to: a function of its text alone.</summary>
    public static DatasetSplit SplitOf(string prompt)
    {
        // FNV-1a (Fowler, Noll, Vo) over UTF-8, then an avalanche: FNV's high bits hardly see the last characters.
        ulong hash = 0xCBF29CE484222325UL;
        foreach (byte b in Encoding.UTF8.GetBytes(prompt)) { hash = (hash ^ b) * 0x100000001B3UL; }
        hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDUL;
        int bucket = (int)((hash ^ (hash >> 33)) >> 56);
        return bucket < ValidationBuckets ? DatasetSplit.Validation : bucket < HeldOutBuckets ? DatasetSplit.Test : DatasetSplit.Train;
    }

    /// <summary>
    /// The first problems of a part, all different. Chain lengths are equally likely while each length has problems left;
    /// problem i is a function of (seed, part, range of terms, i), so asking for more never changes the earlier ones.
    /// </summary>
    /// <returns>As many as asked for, or all there are.</returns>
    public List<ArithmeticProblem> Take(DatasetSplit split, int count)
    {
        var problems = new List<ArithmeticProblem>();
        var sources = Enumerable.Range(MinTerms, MaxTerms - MinTerms + 1).Select(terms => Enumerate(split, terms).GetEnumerator()).ToList();
        for (int i = 0; i < count && sources.Count > 0; i++)
        {
            int pick = CounterRandom.Below(sources.Count, Seed, RandomPurpose.TaskGeneration, (long)split, i, 0, 0);
            while (sources.Count > 0 && !sources[pick].MoveNext())
            {
                sources.RemoveAt(pick);
                pick = sources.Count == 0 ? 0 : pick % sources.Count;
            }

            if (sources.Count > 0) { problems.Add(sources[pick].Current); }
        }

        return problems;
    }

    /// <summary>A problem of a part, drawn with replacement; chain lengths are equally likely. A pure function of the arguments.</summary>
    /// <param name="split">Part of the task.</param>
    /// <param name="purpose">What it is drawn for.</param>
    /// <param name="step">Step that draws.</param>
    /// <param name="index">Number within the step.</param>
    /// <exception cref="DatasetException">No problem of the drawn length lies in this part.</exception>
    public ArithmeticProblem Draw(DatasetSplit split, RandomPurpose purpose, long step, long index)
    {
        // The length is drawn once and kept: rejection must not favour the length that is rejected less often.
        int terms = MinTerms + CounterRandom.Below(MaxTerms - MinTerms + 1, Seed, purpose, step, index, 0, 0);
        ulong codes = (ulong)ArithmeticProblem.CodeCount(terms);
        for (int attempt = 1; attempt <= 10_000; attempt++)
        {
            long code = (long)Math.BigMul(CounterRandom.Bits(Seed, purpose, step, index, 0, attempt), codes, out _);
            var problem = ArithmeticProblem.FromCode(terms, code);
            if (Belongs(problem, split)) { return problem; }
        }

        throw new DatasetException($"task arithmetic: found no problem of {terms} terms in the {split} part; raise min_terms.");
    }

    /// <summary>All problems of a part with so many terms, each once, in an order drawn by the seed.</summary>
    private IEnumerable<ArithmeticProblem> Enumerate(DatasetSplit split, int terms)
    {
        long codes = ArithmeticProblem.CodeCount(terms);
        var order = new IndexPermutation(Seed, RandomPurpose.TaskGeneration, ((long)split << 32) | (uint)terms, codes);
        for (long i = 0; i < codes; i++)
        {
            var problem = ArithmeticProblem.FromCode(terms, order.At(i));
            if (Belongs(problem, split)) { yield return problem; }
        }
    }

    private static bool Belongs(ArithmeticProblem problem, DatasetSplit split) => !problem.AnswerAppearsEarly && SplitOf(problem.Prompt) == split;
}
