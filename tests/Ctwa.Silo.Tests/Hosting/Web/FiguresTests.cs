using Ctwa.Silo.Hosting.Web.Status;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Web;

/// <summary>Numbers as people read them.</summary>
public sealed class FiguresTests
{
    [Theory]
    [InlineData(0, "0.000")]
    [InlineData(0.0004, "4E-4")]
    [InlineData(-0.4567, "-0.457")]
    [InlineData(999.9, "999.900")]
    [InlineData(14480.4, "14,480")]
    [InlineData(12_345_678, "1.235E+7")]
    public void Numbers_are_short(double value, string expected) => Assert.Equal(expected, Figures.Short(value));
}
