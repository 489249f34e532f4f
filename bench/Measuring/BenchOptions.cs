using System.Globalization;

namespace Ctwa.Bench.Measuring;

/// <summary>Options that comparing benchmarks share.</summary>
/// <param name="Quick">A short run: fewer rounds and only small sizes.</param>
/// <param name="Rounds">Rounds of each comparison; null: the benchmark's own.</param>
/// <param name="Only">Only lines whose key contains this.</param>
/// <param name="Json">Where to write the lines; null: docs/measurements after a full run, nowhere after a partial one.</param>
internal sealed record BenchOptions(bool Quick = false, int? Rounds = null, string Only = "", string? Json = null)
{
    private const string Help = """
        options:
          --quick        fewer rounds and only small sizes
          --rounds N     rounds of each comparison
          --only WORD    only lines whose key contains this
          --json FILE    write the lines there (after a full run they go to docs/measurements)
        """;

    /// <summary>Reads them; prints what is wrong, or the help, and gives null.</summary>
    public static BenchOptions? Parse(string[] args)
    {
        var options = new BenchOptions();
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--quick": options = options with { Quick = true }; break;
                case "--rounds" when i + 1 < args.Length && int.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out int rounds) && rounds is > 0 and <= 1000:
                    options = options with { Rounds = rounds };
                    i++;
                    break;
                case "--only" when i + 1 < args.Length: options = options with { Only = args[++i] }; break;
                case "--json" when i + 1 < args.Length: options = options with { Json = Path.GetFullPath(args[++i]) }; break;
                default:
                    if (args[i] is not ("--help" or "-h")) { Console.Error.WriteLine($"'{args[i]}' is no option here, or lacks its value."); }
                    Console.Error.WriteLine(Help);
                    return null;
            }
        }

        return options;
    }

    /// <summary>Whether a line is wanted.</summary>
    public bool Wants(string key) => key.Contains(Only, StringComparison.Ordinal);

    /// <summary>Rounds, if the benchmark would do so many.</summary>
    public int RoundsOr(int full, int quick) => Rounds ?? (Quick ? quick : full);
}
