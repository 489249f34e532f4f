using System.Globalization;
using System.Text.Json;

namespace Ctwa.Bench.Measuring;

/// <summary>What a benchmark found: printed line by line as it is found, and kept as JSON.</summary>
internal sealed class BenchmarkReport
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, NewLine = "\n" };

    private readonly string _name;
    private readonly MachineDescription _machine;
    private readonly List<Comparison> _lines = [];

    private BenchmarkReport(string name, MachineDescription machine) => (_name, _machine) = (name, machine);

    public IReadOnlyList<Comparison> Lines => _lines;

    /// <summary>Begins: prints the machine and the head of the table.</summary>
    public static async Task<BenchmarkReport> BeginAsync(string name)
    {
        var report = new BenchmarkReport(name, await MachineDescription.ReadAsync(Checkout.Find()));
        Console.WriteLine($"{report._machine.Machine}\nload {report._machine.Load}, {report._machine.Date}, {report._machine.Commit}\n");
        Console.WriteLine("| what | ours | beside it | figure | ratio | our peak memory |\n|---|---|---|---|---|---|");
        return report;
    }

    /// <summary>Adds and prints a line.</summary>
    public void Add(Comparison line)
    {
        _lines.Add(line);
        string theirs = line.Theirs is { } figure ? Text(figure, line.Unit) : line.Skipped is { } reason ? "skipped: " + reason : "";
        string peak = line.PeakBytes is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB") : "";
        Console.WriteLine($"| {line.What} | {Text(line.Ours, line.Unit)} | {line.Against} | {theirs} | {line.Ratio?.ToString("0.00x", CultureInfo.InvariantCulture)} | {peak} |");
    }

    /// <summary>Lines of an earlier full run.</summary>
    public static async Task<IReadOnlyList<Comparison>> KeptAsync(string name)
    {
        using var document = JsonDocument.Parse(await File.ReadAllTextAsync(PathOf(name)));
        return document.RootElement.GetProperty("lines").Deserialize<Comparison[]>(s_json)!;
    }

    private static string PathOf(string name) => Path.Combine(Checkout.Find().Root, "docs", "measurements", $"{name}.json");

    /// <summary>Writes what was found to the file that is asked for, or, after a full run, to docs/measurements.</summary>
    public async Task SaveAsync(BenchOptions options)
    {
        string? path = options.Json ?? (options.Quick || options.Only.Length > 0 ? null : PathOf(_name));
        if (path is null) { return; }
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(new { benchmark = _name, machine = _machine.Machine.ToString(), load = _machine.Load, date = _machine.Date, commit = _machine.Commit, lines = _lines }, s_json) + "\n");
        Console.WriteLine($"\nwritten to {path}");
    }

    private static string Text(Figure figure, string unit)
    {
        string Number(double value) => unit switch
        {
            "s" when value < 0.1 => (1e3 * value).ToString("0.###", CultureInfo.InvariantCulture),
            _ => value.ToString(Math.Abs(value) >= 1000 ? "N0" : Math.Abs(value) >= 10 ? "0.0" : "0.000", CultureInfo.InvariantCulture),
        };
        string shown = unit == "s" && figure.Median < 0.1 ? "ms" : unit;
        string Shown(double value) => shown == "ms" ? (1e3 * value).ToString("0.###", CultureInfo.InvariantCulture) : Number(value);
        return figure.Runs == 1 ? $"{Shown(figure.Median)} {shown}" : $"{Shown(figure.Median)} {shown} ({Shown(figure.Low)} to {Shown(figure.High)})";
    }
}
