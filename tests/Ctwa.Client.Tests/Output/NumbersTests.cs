using System.Globalization;
using Ctwa.Client.Output;
using Xunit;

namespace Ctwa.Client.Tests.Output;

public sealed class NumbersTests
{
    [Theory]
    [InlineData(-1, "0.0 s")]
    [InlineData(0.0204, "20 ms")]
    [InlineData(0.0996, "0.1 s")]
    [InlineData(4.24, "4.2 s")]
    [InlineData(9.97, "10 s")]
    [InlineData(59.6, "1 min 00 s")]
    [InlineData(185, "3 min 05 s")]
    [InlineData(3599.7, "1 h 00 min")]
    [InlineData(7450, "2 h 04 min")]
    public void Durations_are_written_for_people(double seconds, string text) => Assert.Equal(text, Numbers.Duration(seconds));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.00001234, "1.2e-5")]
    [InlineData(-0.5, "-0.5")]
    [InlineData(123.456789, "123.4568")]
    public void Small_numbers_keep_their_size(double value, string text) => Assert.Equal(text, Numbers.Short(value));

    [Theory]
    [InlineData(0.1234, "+0.123")]
    [InlineData(-0.1236, "-0.124")]
    [InlineData(0, "0.000")]
    public void Changes_carry_their_sign(double value, string text) => Assert.Equal(text, Numbers.Signed(value));

    [Fact]
    public void A_culture_with_decimal_commas_changes_nothing()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.Equal(["0.500", "+1.500", "12.0k", "1.5 s"], [Numbers.Score(0.5), Numbers.Signed(1.5), Numbers.Rate(12000), Numbers.Duration(1.5)]);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
