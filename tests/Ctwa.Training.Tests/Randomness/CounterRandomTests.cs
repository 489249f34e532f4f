using Ctwa.Training.Randomness;
using Xunit;

namespace Ctwa.Training.Tests.Randomness;

public sealed class CounterRandomTests
{
    private const int Draws = 100_000;

    /// <summary>One number per index, along one coordinate of the identity.</summary>
    private static readonly Dictionary<string, Func<int, double>> along = new()
    {
        ["seed"] = i => CounterRandom.Uniform(i, RandomPurpose.Test, 3, 4, 5, 6),
        ["purpose"] = i => CounterRandom.Uniform(2, (RandomPurpose)(uint)i, 3, 4, 5, 6),
        ["step"] = i => CounterRandom.Uniform(2, RandomPurpose.Test, i, 4, 5, 6),
        ["prompt"] = i => CounterRandom.Uniform(2, RandomPurpose.Test, 3, i, 5, 6),
        ["sample"] = i => CounterRandom.Uniform(2, RandomPurpose.Test, 3, 4, i, 6),
        ["position"] = i => CounterRandom.Uniform(2, RandomPurpose.Test, 3, 4, 5, i),
    };

    public static TheoryData<string> Coordinates => [.. along.Keys];

    // kat_vectors of Random123 for philox4x32-10.
    [Theory]
    [InlineData(0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Philox_gives_the_published_answers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3)
    {
        var (high, low) = CounterRandom.Philox(c0, c1, c2, c3, k0, k1);
        Assert.Equal(((ulong)w1 << 32) | w0, high);
        Assert.Equal(((ulong)w3 << 32) | w2, low);
    }

    [Theory]
    [MemberData(nameof(Coordinates))]
    public void Numbers_along_every_coordinate_are_uniform(string coordinate)
    {
        const int Bins = 128;
        int[] counts = new int[Bins];
        for (int i = 0; i < Draws; i++)
        {
            double number = along[coordinate](i);
            Assert.InRange(number, 0, 1 - double.Pow(2, -53));
            counts[(int)(number * Bins)]++;
        }

        // Chi-square with 127 degrees of freedom: beyond 203 once in 50,000.
        double expected = (double)Draws / Bins, statistic = counts.Sum(count => (count - expected) * (count - expected) / expected);
        Assert.InRange(statistic, 70, 203);
    }

    [Theory]
    [MemberData(nameof(Coordinates))]
    public void Neighbours_along_every_coordinate_are_uncorrelated(string coordinate)
    {
        var draw = along[coordinate];
        foreach (int lag in (int[])[1, 2, 16])
        {
            double sum = 0;
            for (int i = 0; i < Draws; i++) { sum += (draw(i) - 0.5) * (draw(i + lag) - 0.5); }
            // A product's standard deviation is 1/12; 4.5 standard errors.
            Assert.InRange(sum / Draws * 12, -4.5 / Math.Sqrt(Draws), 4.5 / Math.Sqrt(Draws));
        }
    }

    [Fact]
    public void No_two_identities_share_their_bits()
    {
        var seen = new HashSet<ulong>();
        long[] steps = [0, 1, 2, 1L << 40], prompts = [0, 1, 31, 1L << 33];
        foreach (long seed in (long[])[0, 1, -1, long.MaxValue])
        {
            foreach (var purpose in Enum.GetValues<RandomPurpose>())
            {
                foreach (long step in steps)
                {
                    foreach (long prompt in prompts)
                    {
                        for (int i = 0; i < 64; i++) { Assert.True(seen.Add(CounterRandom.Bits(seed, purpose, step, prompt, i / 8, i % 8)), $"seed {seed}, {purpose}, step {step}, prompt {prompt}, sample {i / 8}, position {i % 8}"); }
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    public void Whole_numbers_lie_below_their_bound_equally_often(int bound)
    {
        int[] counts = new int[bound];
        for (int i = 0; i < Draws; i++) { counts[CounterRandom.Below(bound, 1, RandomPurpose.Test, 0, i, 0, 0)]++; }
        // Five standard deviations of a count.
        double expected = (double)Draws / bound, slack = 5 * Math.Sqrt(expected);
        Assert.All(counts, count => Assert.InRange(count, expected - slack, expected + slack));
    }

    [Fact]
    public void Normal_numbers_have_the_moments_of_the_normal_distribution()
    {
        double first = 0, second = 0, third = 0, fourth = 0;
        for (int i = 0; i < Draws; i++)
        {
            double z = CounterRandom.Normal(1, RandomPurpose.Test, 0, i, 0, 0);
            first += z / Draws;
            second += z * z / Draws;
            third += z * z * z / Draws;
            fourth += z * z * z * z / Draws;
        }

        // Five standard errors each: variances of z, z², z³, z⁴ are 1, 2, 15, 96.
        double error = 5 / Math.Sqrt(Draws);
        Assert.InRange(first, -error, error);
        Assert.InRange(second, 1 - (error * Math.Sqrt(2)), 1 + (error * Math.Sqrt(2)));
        Assert.InRange(third, -error * Math.Sqrt(15), error * Math.Sqrt(15));
        Assert.InRange(fourth, 3 - (error * Math.Sqrt(96)), 3 + (error * Math.Sqrt(96)));
    }
}
