using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class ScoringTimeoutTests
{
    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("5s", 5000)]
    [InlineData("1.5s", 1500)]
    [InlineData("2m", 120_000)]
    [InlineData("5m", 300_000)]
    [InlineData("300 s", 300_000)]
    public void Durations_are_read(string text, double milliseconds)
    {
        Assert.True(ScoringTimeout.TryParse(text, out var value));
        Assert.Equal(milliseconds, value.TotalMilliseconds);
    }

    [Theory]
    [InlineData("0s")]
    [InlineData("0.5ms")]
    [InlineData("301s")]
    [InlineData("5")]
    [InlineData("-5s")]
    [InlineData("1e3s")]
    [InlineData("5h")]
    [InlineData("s")]
    [InlineData("")]
    [InlineData("5s\n")]
    [InlineData("٥s")]
    [InlineData("9999999999999s")]
    public void Anything_else_is_refused(string text) => Assert.False(ScoringTimeout.TryParse(text, out _));
}
