using System.Security.Cryptography;
using System.Text;
using Ctwa.Training.Datasets;

namespace Ctwa.Silo.Tools.Data;

/// <summary>
/// MATH-500 (HuggingFaceH4/MATH-500, MIT): 500 problems of the MATH data set in one part named test, with columns problem, solution,
/// answer, subject, level and unique_id.
/// </summary>
internal static class Math500Source
{
    /// <summary>The paper's instruction (arXiv 2602.06869, its reference implementation's data).</summary>
    public const string Instruction = "Let's think step by step and output the final answer within \\boxed{}.";

    private const int Size = 500;
    private const string ReferenceTable = "math500-reference-split.txt";

    public static PreparedData Prepare(PrepareOptions options, bool reference)
    {
        var files = SourceFiles.Find(options.From, "test");
        var notes = new List<string>();
        var rows = Unique(SourceFiles.Read(files, "problem", "answer").Select(row => (row.First.Trim(), row.Second.Trim(), row.File, row.Row)), notes);
        if (rows.Count != Size) { notes.Add($"the public MATH-500 has {Size} problems, these files have {rows.Count} different ones."); }
        var parts = reference ? ByReference(rows) : BySeed(rows, options.Seed);
        return new("math500", reference ? "reference" : "seeded 60/20/20", files, [.. parts.Select(part => (part.Name, (IReadOnlyList<PreparedRow>)[.. part.Rows.Select(row => Row(row, options.Instruction))]))], notes, "math_boxed");
    }

    /// <summary>Leaves out problems that came before: the same one in two parts would be trained and tested on.</summary>
    internal static List<(string Problem, string Answer, string File, long Row)> Unique(IEnumerable<(string Problem, string Answer, string File, long Row)> rows, List<string> notes)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var kept = new List<(string Problem, string Answer, string File, long Row)>();
        int again = 0;
        foreach (var row in rows)
        {
            if (row.Problem.Length == 0 || row.Answer.Length == 0) { throw new DatasetException($"{row.File}: row {row.Row}: the {(row.Problem.Length == 0 ? "problem" : "answer")} is empty; this is not the public data set, or it is damaged."); }
            if (seen.Add(row.Problem)) { kept.Add(row); }
            else { again++; }
        }

        if (again > 0) { notes.Add($"{again} problems that occur more than once are left out."); }
        return kept;
    }

    /// <summary>A row as it is written.</summary>
    internal static PreparedRow Row((string Problem, string Answer, string File, long Row) row, string instruction) =>
        new(instruction.Length == 0 ? row.Problem : $"{row.Problem} {instruction}", row.Answer, Path.GetFileName(row.File), row.Row);

    private static IEnumerable<(string Name, IEnumerable<(string Problem, string Answer, string File, long Row)> Rows)> BySeed(List<(string Problem, string Answer, string File, long Row)> rows, long seed)
    {
        if (rows.Count < 5) { throw new DatasetException($"{rows.Count} problems cannot be split 60/20/20; at least 5 are needed."); }
        int held = rows.Count / 5, train = rows.Count - (2 * held);
        var order = new DatasetOrder(seed, rows.Count).Next(DatasetCursor.Start, rows.Count).Indices.Select(index => rows[(int)index]).ToList();
        return [("train", order[..train]), ("validation", order[train..(train + held)]), ("test", order[(train + held)..])];
    }

    /// <summary>The split that the reference implementation distributes, kept as a list of hashes of its problems in its order.</summary>
    private static IEnumerable<(string Name, IEnumerable<(string Problem, string Answer, string File, long Row)> Rows)> ByReference(List<(string Problem, string Answer, string File, long Row)> rows)
    {
        var known = rows.ToDictionary(row => Hash(row.Problem));
        using var stream = typeof(Math500Source).Assembly.GetManifestResourceStream(ReferenceTable) ?? throw new InvalidOperationException($"{ReferenceTable} is not in this build.");
        using var reader = new StreamReader(stream);
        var table = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToList();
        int missing = table.Count(entry => !known.ContainsKey(entry[1]));
        if (missing > 0) { throw new DatasetException($"{missing} of the {table.Count} problems of the reference's split are not in these files, so it cannot be reproduced; fetch HuggingFaceH4/MATH-500 again, or use --split seeded."); }
        return table.GroupBy(entry => entry[0], (name, entries) => (name, entries.Select(entry => known[entry[1]])));
    }

    private static string Hash(string problem) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(problem)))[..16];
}
