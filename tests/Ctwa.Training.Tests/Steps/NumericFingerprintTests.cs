using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

public sealed class NumericFingerprintTests
{
    [Theory]
    [InlineData("fpu sse2 avx avx2 fma avx512f avx512dq avx512bw avx512vl", "avx512")]
    [InlineData("fpu sse2 avx avx2 fma avx512f avx512dq avx512bw", "avx2")]
    [InlineData("fpu sse2 avx avx2", "default")]
    [InlineData("", "default")]
    public void The_instruction_set_is_the_one_that_libtorch_would_choose(string flags, string expected) => Assert.Equal(expected, NumericFingerprint.InstructionsOf(flags));

    [Fact]
    public void This_process_knows_its_own_fingerprint()
    {
        var here = NumericFingerprint.OfCpu(3);
        Assert.Equal(3, here.ThreadsPerShard);
        Assert.Matches("^[0-9]+\\.[0-9]+", here.LibTorch);
        Assert.NotEmpty(here.Device);
        Assert.Empty(here.DifferencesFrom(NumericFingerprint.OfCpu(3)));
    }

    [Fact]
    public void Differences_say_what_was_there_and_what_is_here()
    {
        var there = new NumericFingerprint("A", "avx2", "2.10", 1);
        Assert.Equal(["instructions: avx2 → avx512", "threads per shard: 1 → 2"], (there with { Instructions = "avx512", ThreadsPerShard = 2 }).DifferencesFrom(there));
    }
}
