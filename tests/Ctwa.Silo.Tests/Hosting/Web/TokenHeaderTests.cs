using System.Text;
using Ctwa.Silo.Hosting.Web.Access;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Web;

public sealed class TokenHeaderTests
{
    [Theory]
    [InlineData("Bearer abc", "abc")]
    [InlineData("bearer  abc ", "abc")]
    [InlineData("Bearer ", null)]
    [InlineData("Bearer", null)]
    [InlineData("Digest abc", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    [InlineData("Basic !!!", null)]
    [InlineData("Basic YWJj", null)] // abc: no colon
    [InlineData("Basic YTo=", null)] // a: and nothing
    [InlineData("Basic Onh5eg==", "xyz")] // no name
    public void A_token_is_read_or_there_is_none(string? header, string? token) => Assert.Equal(token, TokenHeader.Read(header));

    [Fact]
    public void A_password_may_have_colons_and_any_letters()
    {
        Assert.Equal("a:b:ä", TokenHeader.Read("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("me:a:b:ä"))));
        // Bytes that are no UTF-8 are some other token, and no error.
        Assert.NotNull(TokenHeader.Read("Basic " + Convert.ToBase64String([0x61, 0x3a, 0xff, 0xfe])));
    }

    [Fact]
    public void Long_headers_are_not_looked_into() => Assert.Null(TokenHeader.Read("Bearer " + new string('a', 3000)));
}
