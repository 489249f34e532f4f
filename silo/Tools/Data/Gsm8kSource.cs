using System.Text.RegularExpressions;
using Ctwa.Training.Datasets;

namespace Ctwa.Silo.Tools.Data;

/// <summary>GSM8K (openai/gsm8k, MIT): parts train and test with columns question and answer; the number after <c>####</c> is the ground truth.</summary>
internal static partial class Gsm8kSource
{
    /// <summary>Asks for what the reward <c>gsm8k</c> looks for.</summary>
    public const string Instruction = "Let's think step by step and output the final answer after \"####\".";

    public static PreparedData Prepare(PrepareOptions options, int validation)
    {
        if (File.Exists(options.From)) { throw new DatasetException($"--from is the file '{options.From}', but GSM8K has two parts; give the folder that holds train and test."); }
        string[] files = [.. SourceFiles.Find(options.From, "train"), .. SourceFiles.Find(options.From, "test")];
        int trainFiles = SourceFiles.Find(options.From, "train").Count;
        var notes = new List<string>();
        var test = Rows(files[trainFiles..]).ToList();
        var tested = test.Select(row => row.Problem).ToHashSet(StringComparer.Ordinal);
        var all = Math500Source.Unique(Rows(files[..trainFiles]), notes);
        var pool = all.Where(row => !tested.Contains(row.Problem)).ToList();
        if (pool.Count < all.Count) { notes.Add($"{all.Count - pool.Count} training problems that are test problems too are left out."); }
        if (validation < 1 || validation >= pool.Count) { throw new DatasetException($"--validation is {validation}; the training part has {pool.Count} problems: give 1 to {pool.Count - 1}."); }
        var order = new DatasetOrder(options.Seed, pool.Count).Next(DatasetCursor.Start, pool.Count).Indices.Select(index => pool[(int)index]).ToList();
        IReadOnlyList<PreparedRow> Part(IEnumerable<(string Problem, string Answer, string File, long Row)> rows) => [.. rows.Select(row => Math500Source.Row(row, options.Instruction))];
        return new("gsm8k", $"seeded: {validation} of the training part for validation", files, [("train", Part(order[validation..])), ("validation", Part(order[..validation])), ("test", Part(test))], notes, "gsm8k");
    }

    /// <summary>The number after the last <c>####</c>, without thousands separators.</summary>
    /// <exception cref="DatasetException">There is none.</exception>
    internal static string Answer(string solution, string file, long row)
    {
        int mark = solution.LastIndexOf("####", StringComparison.Ordinal);
        string number = mark < 0 ? "" : solution[(mark + 4)..].Replace(",", "", StringComparison.Ordinal).Trim().TrimStart('$');
        return Number().IsMatch(number) ? number : throw new DatasetException($"{file}: row {row}: the answer has no number after ####; this is not the public data set, or it is damaged.");
    }

    private static IEnumerable<(string Problem, string Answer, string File, long Row)> Rows(IEnumerable<string> files) =>
        SourceFiles.Read(files, "question", "answer").Select(row => (row.First.Trim(), Answer(row.Second, row.File, row.Row), row.File, row.Row));

    [GeneratedRegex(@"^-?[0-9]+(\.[0-9]+)?$", RegexOptions.NonBacktracking)]
    private static partial Regex Number();
}
