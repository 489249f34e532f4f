namespace Ctwa.TestKit.Grid;

/// <summary>
/// Random numbers of a fault plan: a fixed algorithm (SplitMix64), so that a printed seed repeats the plan on any machine and
/// with any version of .NET.
/// </summary>
public sealed class SeededDice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next 64 bits.</summary>
    public ulong NextBits()
    {
        ulong mixed = _state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number from 0 up to <paramref name="bound"/>, which is excluded.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not positive.</exception>
    public int Below(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)(NextBits() % (ulong)bound);
    }

    /// <summary>A number from 0 up to 1, which is excluded.</summary>
    public double Fraction() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A length of time between two.</summary>
    public TimeSpan Between(TimeSpan shortest, TimeSpan longest) => shortest + ((longest - shortest) * Fraction());
}
