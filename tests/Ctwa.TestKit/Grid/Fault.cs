using System.Globalization;

namespace Ctwa.TestKit.Grid;

/// <summary>What is done to a grid once.</summary>
public enum FaultKind
{
    /// <summary>SIGKILL of a silo.</summary>
    Kill,

    /// <summary>SIGKILL of the silo that coordinates the job.</summary>
    KillCoordinator,

    /// <summary>SIGSTOP of a silo, SIGCONT later.</summary>
    Freeze,

    /// <summary>SIGTERM of a silo.</summary>
    Terminate,

    /// <summary>One more silo.</summary>
    Join,

    /// <summary>SIGKILL of Redis; it comes back with its data.</summary>
    RedisRestart,

    /// <summary>SIGKILL of Redis; it comes back empty.</summary>
    RedisWipe,

    /// <summary>All connections of a silo are torn; new ones are possible at once.</summary>
    TornSockets,

    /// <summary>All connections together get a few megabits per second for a while.</summary>
    SlowNetwork,

    /// <summary>The run directory's file system is full for a while.</summary>
    DiskFull,
}

/// <summary>One fault, decided by its seed alone: the same seed does the same thing at the same step.</summary>
/// <param name="Seed">What it comes from.</param>
/// <param name="Kind">What happens.</param>
/// <param name="Moment">When: after this share of the run, of which the supervised stage is a quarter.</param>
/// <param name="Delay">So long after that line.</param>
/// <param name="Victim">Index of the silo, where one is meant.</param>
/// <param name="Length">Of what ends by itself.</param>
public sealed record Fault(int Seed, FaultKind Kind, double Moment, TimeSpan Delay, int Victim, TimeSpan Length)
{
    /// <summary>Kinds of faults that take a silo away or bring one.</summary>
    public static IReadOnlyList<FaultKind> OfSilos { get; } = [FaultKind.Kill, FaultKind.KillCoordinator, FaultKind.Freeze, FaultKind.Terminate, FaultKind.Join];

    /// <summary>The fault of a seed. Seeds in a row go through all kinds.</summary>
    /// <param name="seed">Seed.</param>
    /// <param name="silos">Silos of the grid.</param>
    /// <param name="kinds">Kinds to choose from; null: all.</param>
    public static Fault Of(int seed, int silos, IReadOnlyList<FaultKind>? kinds = null)
    {
        kinds ??= Enum.GetValues<FaultKind>();
        var dice = new SeededDice((ulong)seed);
        return new Fault(
            seed,
            kinds[seed % kinds.Count],
            dice.Fraction() * 0.9, // later ones often come after the end
            dice.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(250)),
            dice.Below(silos),
            dice.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(9)));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"seed {Seed}: {Kind}, {Delay.TotalMilliseconds:0} ms after {Moment:P0} of the run{Kind switch
    {
        FaultKind.Kill or FaultKind.Terminate or FaultKind.TornSockets => $", silo {Victim}",
        FaultKind.Freeze => $", silo {Victim} for {Length.TotalSeconds:0.0} s",
        FaultKind.RedisRestart or FaultKind.RedisWipe or FaultKind.SlowNetwork or FaultKind.DiskFull => $" for {Length.TotalSeconds:0.0} s",
        _ => "",
    }}");
}
