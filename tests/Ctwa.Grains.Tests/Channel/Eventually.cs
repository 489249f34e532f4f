using System.Diagnostics;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>Waits for what another thread brings about.</summary>
internal static class Eventually
{
    public static async Task IsAsync(Func<bool> condition, string what, CancellationToken token, int seconds = 20)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > seconds) { throw new TimeoutException($"Within {seconds} s this did not come true: {what}."); }
            await Task.Delay(10, token);
        }
    }
}
