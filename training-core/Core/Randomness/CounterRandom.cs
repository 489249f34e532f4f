using System.Runtime.CompilerServices;

namespace Ctwa.Training.Randomness;

/// <summary>What a random number is for. Numbers of different purposes are independent. Values are part of the arithmetic of a job: never renumber.</summary>
public enum RandomPurpose : uint
{
    WeightInitialization = 1,
    Sampling = 2,
    Validation = 3,
    PromptOrder = 4,
    TaskGeneration = 5,
    SupervisedExample = 6,
    SamplesKept = 7,
    Test = 8,
    GreedyBaseline = 20,
    TokenSelection = 21,
    RewardBackoff = 40,
    Bootstrap = 22,
    ProjectionOrder = 9,
    AdapterInitialization = 30,
    AdapterDropout = 31,
}

/// <summary>
/// Counter-based randomness (invariant I3): a number is a pure function of (seed, purpose, step, prompt, sample,
/// position) by Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). There is no
/// generator to advance, so any silo can draw any number in any order.
/// </summary>
public static class CounterRandom
{
    /// <summary>A float64 in [0, 1) with 53 random bits.</summary>
    public static double Uniform(long seed, RandomPurpose purpose, long step, long prompt, int sample, int position) =>
        (Bits(seed, purpose, step, prompt, sample, position) >> 11) * (1.0 / (1UL << 53));

    /// <summary>A whole number in [0, <paramref name="bound"/>).</summary>
    public static int Below(int bound, long seed, RandomPurpose purpose, long step, long prompt, int sample, int position) =>
        (int)Math.BigMul(Bits(seed, purpose, step, prompt, sample, position), (ulong)bound, out _);

    /// <summary>A standard normal number (Box-Muller on the two halves of one counter).</summary>
    public static double Normal(long seed, RandomPurpose purpose, long step, long prompt, int sample, int position)
    {
        var (high, low) = Block(seed, purpose, step, prompt, sample, position);
        double radius = Math.Sqrt(-2 * Math.Log(((high >> 11) + 1) * (1.0 / (1UL << 53))));
        return radius * Math.Cos(2 * Math.PI * ((low >> 11) * (1.0 / (1UL << 53))));
    }

    /// <summary>64 random bits.</summary>
    public static ulong Bits(long seed, RandomPurpose purpose, long step, long prompt, int sample, int position) =>
        Block(seed, purpose, step, prompt, sample, position).High;

    private static (ulong High, ulong Low) Block(long seed, RandomPurpose purpose, long step, long prompt, int sample, int position)
    {
        // 64 key bits and 128 counter bits hold 224 bits of identity: seed, purpose and step are mixed into the key,
        // prompt, sample and position are the counter itself, so that draws of one step never collide.
        ulong key = Mix(unchecked((ulong)seed) ^ Mix((ulong)purpose * 0x9E3779B97F4A7C15UL ^ Mix(unchecked((ulong)step))));
        return Philox((uint)position, (uint)sample, unchecked((uint)prompt), unchecked((uint)((ulong)prompt >> 32)), (uint)key, (uint)(key >> 32));
    }

    /// <summary>The finalizer of SplitMix64: a bijection with full avalanche.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>Philox4x32-10. Output words 0..3 as (w1:w0, w3:w2).</summary>
    internal static (ulong High, ulong Low) Philox(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)0xD2511F53U * c0, p1 = (ulong)0xCD9E8D57U * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9U;
            k1 += 0xBB67AE85U;
        }

        return (((ulong)c1 << 32) | c0, ((ulong)c3 << 32) | c2);
    }
}
