using System.Globalization;

namespace Ctwa.Bench.Simulate;

/// <summary>What the simulator is asked for.</summary>
internal sealed record SimulateOptions
{
    private const string Help = """
        usage: simulate [options]
          prints seconds by phase, bytes and what binds over 1, 2, 4, ... silos; computing is replaced by measured durations
          --silos N            largest number of silos (default 1024)
          --devices G          devices of a silo (default 1)
          --parameters P       trained parameters (default 1543714304)
          --objectives M       objectives whose gradients are kept apart (default 3; with --rows: how many are kept)
          --rows R             gradients kept apart: 1 for methods that weigh rewards (default M)
          --shards S           logical shards (default 1024);  --slices C  slices (default 1024)
          --prompts N          prompts of a shard (default 4); --samples N  answers to each (default 16)
          --response-tokens N  default 512;                    --prompt-tokens N  default 64
          --updates U          optimizer updates per step (default 1)
          --element-bytes E    2 or 4 (default 2);             --no-mirror  one holder per slice
          --gbytes X           GB/s of a silo's link, each way (default 4.56: the channel on one machine)
          --copy-gbytes X      GB/s between device and host (default 10; 0: silos compute on processors)
          --latency-us X       of a call (default 200);        --call-us X  coordinator's time for a call (default 12.3)
          --spread X           of shards' times (default 0.1); --seed N  of the spread (default 1)
          --weak               as many shards per silo at every size, instead of one job for all
          --changed            with the changes of docs/scaling.md (an order of its own for every silo, copies of ranges, batches of slices)
          --json FILE          write the results there
        other ways to run it:
          --validate [--quick] compare formulas and simulator with measurements on this machine
          --update-docs        write the tables of docs/scaling.md
        """;

    public ScaleJob Job { get; init; } = new();

    public ScaleMachine Machine { get; init; } = new();

    public ScaleChanges Changes { get; init; } = new();

    public int LargestSilos { get; init; } = 1024;

    public bool Weak { get; init; }

    public string? Json { get; init; }

    public bool Validate { get; init; }

    public bool Quick { get; init; }

    public bool UpdateDocs { get; init; }

    /// <summary>1, 2, 4, ... and the largest.</summary>
    public IReadOnlyList<int> Sizes
    {
        get
        {
            List<int> sizes = [];
            for (int size = 1; size < LargestSilos; size *= 2) { sizes.Add(size); }
            return [.. sizes, LargestSilos];
        }
    }

    /// <summary>The job at a size: the same, or with as many shards per silo.</summary>
    public ScaleJob JobAt(int silos) => Weak ? Job with { Shards = Math.Max(1, (int)((long)Job.Shards * silos / LargestSilos)) } : Job;

    /// <summary>Reads them; prints what is wrong, or the help, and gives null.</summary>
    public static SimulateOptions? Parse(string[] args)
    {
        var options = new SimulateOptions();
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i];
            SimulateOptions? next = name switch
            {
                "--weak" => options with { Weak = true },
                "--changed" => options with { Changes = ScaleChanges.All },
                "--no-mirror" => options with { Job = options.Job with { Mirror = false } },
                "--validate" => options with { Validate = true },
                "--quick" => options with { Quick = true },
                "--update-docs" => options with { UpdateDocs = true },
                "--json" when i + 1 < args.Length => options with { Json = Path.GetFullPath(args[++i]) },
                _ when i + 1 < args.Length && double.TryParse(args[i + 1], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && value >= 0 => options.With(name, value, ref i),
                _ => null,
            };
            if (next is null)
            {
                if (name is not ("--help" or "-h")) { Console.Error.WriteLine($"'{name}' is no option here, or lacks its value, or has one that is out of range."); }
                Console.Error.WriteLine(Help);
                return null;
            }

            options = next;
        }

        if (options.Job.Answers % options.Job.Updates == 0 && options.Job.PromptsPerShard % options.Job.Updates == 0) { return options; }
        Console.Error.WriteLine($"--updates {options.Job.Updates} does not divide the {options.Job.PromptsPerShard} prompts of a shard; give a divisor, or other --prompts.");
        return null;
    }

    private SimulateOptions? With(string name, double value, ref int i)
    {
        bool isCount = value is >= 1 and <= int.MaxValue && value == Math.Floor(value);
        int count = isCount ? (int)value : 0;
        SimulateOptions? next = name switch
        {
            "--silos" when isCount && count <= 4096 => this with { LargestSilos = count },
            "--devices" when isCount => this with { Machine = Machine with { Devices = count } },
            "--parameters" when value is >= 1 and <= 1e13 => this with { Job = Job with { Parameters = (long)value } },
            "--objectives" when isCount => this with { Job = Job with { Objectives = count, Rows = count } },
            "--rows" when isCount => this with { Job = Job with { Rows = count } },
            "--shards" when isCount => this with { Job = Job with { Shards = count } },
            "--slices" when isCount => this with { Job = Job with { Slices = count } },
            "--prompts" when isCount => this with { Job = Job with { PromptsPerShard = count } },
            "--samples" when isCount => this with { Job = Job with { Samples = count } },
            "--response-tokens" when isCount => this with { Job = Job with { ResponseTokens = count } },
            "--prompt-tokens" when isCount => this with { Job = Job with { PromptTokens = count } },
            "--updates" when isCount => this with { Job = Job with { Updates = count } },
            "--element-bytes" when value is 2 or 4 => this with { Job = Job with { ElementBytes = count } },
            "--gbytes" when value > 0 => this with { Machine = Machine with { LinkRate = value * 1e9 } },
            "--copy-gbytes" => this with { Machine = Machine with { CopyRate = value == 0 ? double.PositiveInfinity : value * 1e9 } },
            "--latency-us" => this with { Machine = Machine with { Latency = value / 1e6 } },
            "--call-us" => this with { Machine = Machine with { CallSeconds = value / 1e6 } },
            "--spread" when value <= 1 => this with { Machine = Machine with { Spread = value } },
            "--seed" => this with { Machine = Machine with { Seed = (long)value } },
            _ => null,
        };
        if (next is not null) { i++; }
        return next;
    }
}
