namespace Ctwa.Client.Reports;

/// <summary>What the user asked <c>ctwa report</c> for.</summary>
internal sealed record ReportOptions
{
    /// <summary>Run directories, or folders that hold some.</summary>
    public IReadOnlyList<string> Runs { get; init; } = [];

    /// <summary>The page; null: see <see cref="WritesPage"/>.</summary>
    public string? Output { get; init; }

    /// <summary>Table of all metrics; null: none.</summary>
    public string? Csv { get; init; }

    /// <summary>Folder for TensorBoard event files; null: none.</summary>
    public string? TensorBoard { get; init; }

    /// <summary>Replace files that are not ours.</summary>
    public bool Force { get; init; }

    /// <summary>Print the result as JSON.</summary>
    public bool Json { get; init; }

    /// <summary>A page is what the command is for; asked for other files alone, it writes those.</summary>
    public bool WritesPage => Output is not null || (Csv is null && TensorBoard is null);

    /// <summary>Contradictions between options, one message each.</summary>
    public IEnumerable<string> Errors()
    {
        if (Runs.Count == 0) { yield return "no run: name at least one run directory (ctwa report runs/NAME-DATE-TIME), or the folder of a comparison."; }
        if (Output is not null && Output == Csv) { yield return $"--output and --csv both name {Output}; give each a file of its own."; }
        foreach (var (option, value) in ((string, string?)[])[("--output", Output), ("--csv", Csv), ("--tensorboard", TensorBoard)])
        {
            if (value is "") { yield return $"{option} is empty; name a {(option == "--tensorboard" ? "folder" : "file")}."; }
        }
    }
}
