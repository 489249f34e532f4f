using System.Globalization;
using Ctwa.Client.Jobs;

namespace Ctwa.Client.Commands;

/// <summary>What the user asked <c>ctwa compare</c> for.</summary>
internal sealed record CompareOptions
{
    public IReadOnlyList<string> Jobs { get; init; } = [];

    /// <summary>A number of seeds, or seeds with commas; see <see cref="ReadSeeds"/>.</summary>
    public string Seeds { get; init; } = "3";

    /// <summary>Overrides <c>a.b=c</c> of every job.</summary>
    public IReadOnlyList<string> Set { get; init; } = [];

    /// <summary>Reinforcement-learning steps of every job; null: the jobs' own.</summary>
    public int? Steps { get; init; }

    /// <summary>Runs at a time.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Folder of the comparison; null: below <c>runs/</c>.</summary>
    public string? Output { get; init; }

    /// <summary>Markdown document that gets the tables between its markers; null: none.</summary>
    public string? Document { get; init; }

    /// <summary>Print the results as JSON, and progress to the error stream.</summary>
    public bool Json { get; init; }

    /// <summary>Accept jobs that differ in more than name and scalarizer.</summary>
    public bool AllowDifferent { get; init; }

    /// <summary>The overrides that <see cref="Set"/> and <see cref="Steps"/> make together.</summary>
    public IReadOnlyList<string> Overrides => Steps is { } steps ? [.. Set, FormattableString.Invariant($"schedule.steps={steps}")] : Set;

    /// <summary>Seeds of the comparison: 1 to N for one number N, or the numbers of a list with a comma (<c>5,</c> is seed 5 alone).</summary>
    /// <returns>Null if the text is neither.</returns>
    public static IReadOnlyList<long>? ReadSeeds(string text)
    {
        string[] words = text.Split(',', StringSplitOptions.TrimEntries);
        if (words is [var count]) { return int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n is >= 1 and <= 1000 ? [.. Enumerable.Range(1, n).Select(seed => (long)seed)] : null; }
        var seeds = new List<long>();
        foreach (string word in words[^1].Length == 0 ? words[..^1] : words)
        {
            if (!long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out long seed) || seeds.Contains(seed)) { return null; }
            seeds.Add(seed);
        }

        return seeds;
    }

    /// <summary>A command that asks for the same; the job files of a whole folder are written as its pattern.</summary>
    public string CommandLine()
    {
        var words = new List<string> { RunDirectory.Invocation, "compare" };
        string folder = Path.GetDirectoryName(Jobs[0]) ?? "";
        bool whole = Jobs.Count > 1 && Directory.Exists(folder) && Directory.GetFiles(folder, "*.yaml").Select(Path.GetFileName).ToHashSet().SetEquals(Jobs.Select(Path.GetFileName)) && Jobs.All(job => Path.GetDirectoryName(job) == folder);
        words.AddRange(whole ? [RunDirectory.ShellQuote(folder) + "/*.yaml"] : Jobs.Select(RunDirectory.ShellQuote));
        void Add(string name, string? value) => words.AddRange(value is null ? [] : [name, RunDirectory.ShellQuote(value)]);
        Add("--seeds", Seeds);
        Add("--steps", Steps?.ToString(CultureInfo.InvariantCulture));
        foreach (string set in Set) { Add("--set", set); }
        Add("--parallel", Parallel == 1 ? null : Parallel.ToString(CultureInfo.InvariantCulture));
        if (AllowDifferent) { words.Add("--allow-different"); }
        Add("--output", Output);
        Add("--document", Document);
        return string.Join(' ', words);
    }

    /// <summary>What is wrong with the options, one message each.</summary>
    public IEnumerable<string> Errors()
    {
        if (Jobs.Count == 0) { yield return "no job: give job files, such as ctwa compare examples/arithmetic/*.yaml."; }
        if (ReadSeeds(Seeds) is null) { yield return $"--seeds is '{Seeds}'; give a number of seeds (3: seeds 1, 2, 3) or seeds without repetition (1,5,7; one alone: 5,)."; }
        if (Steps is < 1) { yield return FormattableString.Invariant($"--steps is {Steps}; give at least 1."); }
        if (Parallel is < 1 or > 256) { yield return FormattableString.Invariant($"--parallel is {Parallel}; give 1 to 256."); }
        foreach (string set in Set)
        {
            int equals = set.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) { yield return $"--set {set}: write KEY=VALUE, such as --set warm_start.steps=40."; }
            else if (set[..equals].Trim() == "seed") { yield return $"--set {set}: seeds are given with --seeds."; }
        }
    }
}
