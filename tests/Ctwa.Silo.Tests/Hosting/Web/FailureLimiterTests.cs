using System.Net;
using Ctwa.Silo.Hosting.Web.Access;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Web;

public sealed class FailureLimiterTests
{
    private static readonly IPAddress s_guesser = IPAddress.Parse("10.0.0.7");

    private readonly Clock _clock = new();

    [Fact]
    public void Who_guesses_waits_and_others_do_not()
    {
        var limiter = new FailureLimiter(_clock);
        for (int i = 1; i < FailureLimiter.Burst; i++) { Assert.False(limiter.Count(s_guesser)); }
        Assert.Equal(TimeSpan.Zero, limiter.Wait(s_guesser));
        Assert.True(limiter.Count(s_guesser));
        Assert.InRange(limiter.Wait(s_guesser), FailureLimiter.Every * 0.99, FailureLimiter.Every * 1.01);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(IPAddress.Loopback));
        _clock.Add(FailureLimiter.Every * 1.01);
        Assert.Equal(TimeSpan.Zero, limiter.Wait(s_guesser));
        Assert.True(limiter.Count(s_guesser)); // one more, and again no other
        Assert.NotEqual(TimeSpan.Zero, limiter.Wait(s_guesser));
        _clock.Add(FailureLimiter.Every * FailureLimiter.Burst * 2);
        Assert.False(limiter.Count(s_guesser));
    }

    [Fact]
    public void A_network_of_version_6_is_one_guesser_and_a_mapped_address_is_its_own()
    {
        var limiter = new FailureLimiter(_clock);
        for (int i = 0; i < FailureLimiter.Burst; i++) { limiter.Count(IPAddress.Parse($"2001:db8:1:1::{i + 1}")); }
        Assert.NotEqual(TimeSpan.Zero, limiter.Wait(IPAddress.Parse("2001:db8:1:1::ffff")));
        Assert.Equal(TimeSpan.Zero, limiter.Wait(IPAddress.Parse("2001:db8:1:2::1")));
        for (int i = 0; i < FailureLimiter.Burst; i++) { limiter.Count(s_guesser.MapToIPv6()); }
        Assert.NotEqual(TimeSpan.Zero, limiter.Wait(s_guesser));
    }

    [Fact]
    public void A_flood_of_addresses_takes_no_memory_and_lets_nobody_through()
    {
        var limiter = new FailureLimiter(_clock);
        for (int i = 0; i < 5 * FailureLimiter.MostAddresses; i++) { limiter.Count(new IPAddress(0x0a000000L + i)); }
        Assert.NotEqual(TimeSpan.Zero, limiter.Wait(new IPAddress(0x0b000000L)));
        _clock.Add(TimeSpan.FromDays(1));
        Assert.Equal(TimeSpan.Zero, limiter.Wait(new IPAddress(0x0b000000L)));
        Assert.False(limiter.Count(new IPAddress(0x0b000000L)));
    }

    private sealed class Clock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Add(TimeSpan time) => _ticks += time.Ticks;

        public override long GetTimestamp() => _ticks;
    }
}
