using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class NearestKeyTests
{
    private static readonly string[] known = ["learning_rate", "betas", "epsilon", "weight_decay", "grad_clip", "schedule", "warmup_steps"];

    [Theory]
    [InlineData("learning_rte", "learning_rate")]
    [InlineData("learningRate", "learning_rate")]
    [InlineData("LEARNING-RATE", "learning_rate")]
    [InlineData("lr", "learning_rate")]
    [InlineData("beats", "betas")]
    [InlineData("beta", "betas")]
    [InlineData("warmup", "warmup_steps")]
    [InlineData("max_grad_norm", "grad_clip")]
    [InlineData("zebra", null)]
    [InlineData("", null)]
    [InlineData("x", null)]
    public void The_word_that_was_meant_is_found(string word, string? expected) => Assert.Equal(expected, NearestKey.Find(word, known));

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("abcd", "abdc", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("ca", "abc", 3)]
    public void Distances_are_those_of_optimal_string_alignment(string a, string b, int expected) => Assert.Equal(expected, NearestKey.Distance(a, b));

    [Property]
    public bool Distance_is_symmetric_and_zero_only_for_equal_words(string? a, string? b)
    {
        (a, b) = (a ?? "", b ?? "");
        return NearestKey.Distance(a, b) == NearestKey.Distance(b, a) && (NearestKey.Distance(a, b) == 0) == (a == b);
    }
}
