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
        var there = new NumericFingerprint("A", "avx2", "2.10", 1, 3);
        Assert.Equal(["instructions: avx2 → avx512", "threads per shard: 1 → 2"], (there with { Instructions = "avx512", ThreadsPerShard = 2 }).DifferencesFrom(there));
    }

    [Fact]
    public void A_checkpoint_from_before_there_was_a_number_has_other_arithmetic()
    {
        string folder = Directory.CreateTempSubdirectory("ctwa-fingerprint-").FullName;
        var here = NumericFingerprint.OfCpu(1);
        here.WriteTo(folder);
        string path = Path.Combine(folder, "fingerprint.json");
        Assert.Equal(here, NumericFingerprint.ReadFrom(folder));
        var old = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        Assert.True(old.Remove("arithmetic"), "the number is not written");
        File.WriteAllText(path, old.ToJsonString());
        Assert.Equal([$"arithmetic: 0 → {NumericFingerprint.CurrentArithmetic}"], here.DifferencesFrom(NumericFingerprint.ReadFrom(folder)!));
        Directory.Delete(folder, recursive: true);
    }
}
