using System.CommandLine;
using System.Globalization;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>The options that say what a silo lends to jobs.</summary>
internal sealed class WorkOptionGroup
{
    private readonly Option<int> _lanes = Values.Whole("--lanes", "Compute lanes: threads that work on shards side by side. Never changes results. Default: 1.", 1, 1024, 1);
    private readonly Option<string> _device = new("--device") { Description = "Where models compute: cpu, cuda, cuda:N, several as cuda:0,cuda:1, cuda:all, or auto (default): a GPU if libtorch finds one, else the CPU.", HelpName = "NAME", DefaultValueFactory = _ => "auto" };

    private readonly Option<string> _role = Values.Word("--role", "compute (default): everything. control: coordinators and rewards only, no shards and slices.", "compute", "control");
    private readonly Option<long?> _memory = Values.Of<long?>("--memory", "SIZE", "Memory that jobs may use here, such as 24GB or 512MB; default: that of the devices, or of the machine.", ParseSize);

    public void AddTo(RootCommand root)
    {
        foreach (Option option in (Option[])[_lanes, _device, _role, _memory]) { root.Add(option); }
    }

    /// <summary>The values of a command line without errors.</summary>
    public WorkOptions Read(ParseResult parsed) => new()
    {
        Lanes = parsed.GetValue(_lanes),
        Device = parsed.GetValue(_device)!,
        Computes = parsed.GetValue(_role) == "compute",
        MemoryBytes = parsed.GetValue(_memory),
    };

    private static long? ParseSize(string text)
    {
        (string Unit, int Shift)[] units = [("KB", 10), ("MB", 20), ("GB", 30), ("TB", 40)];
        var unit = units.FirstOrDefault(unit => text.EndsWith(unit.Unit, StringComparison.OrdinalIgnoreCase));
        string number = unit.Unit is null ? text : text[..^2].TrimEnd();
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value > 0 && value <= long.MaxValue >> 41
            ? value << unit.Shift
            : throw new FormatException($"is '{text}'; accepted is a whole number with KB, MB, GB or TB (1 KB = 1024 bytes).");
    }
}
