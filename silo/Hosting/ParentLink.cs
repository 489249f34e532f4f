using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Ctwa.Silo.Hosting;

/// <summary>Ties the silo's life to the process that started it.</summary>
internal static class ParentLink
{
    // A parent that ended in order has stopped the job before; one that was killed cannot be waited for.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Ends the silo when standard input ends: the operating system closes the pipe even when the parent dies by SIGKILL.
    /// Anything that the parent writes asks the silo to leave in order.
    /// Ctrl-C and a closed terminal reach the whole process group, and a service manager's SIGTERM every process of the
    /// service; here all three are the parent's business, which asks for a checkpoint first.
    /// </summary>
    /// <param name="departure">That of the host which runs now: a start that fails for a port is repeated with another.</param>
    public static void Follow(Func<Departure> departure)
    {
        PosixSignalRegistration[] ignored = [.. ((PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP]).Select(signal => PosixSignalRegistration.Create(signal, context => context.Cancel = true))];
        new Thread(() =>
        {
            using var input = Console.OpenStandardInput();
            byte[] buffer = new byte[64];
            while (input.Read(buffer) > 0) { departure().Request(); }
            departure().Flee(SiloExitCodes.Success);
            Thread.Sleep(s_patience);
            GC.KeepAlive(ignored);
            Environment.Exit(0);
        })
        { IsBackground = true, Name = "ctwa-parent-link" }.Start();
    }

    /// <summary>Instead of the host's own, which would stop at every signal whatever others make of it.</summary>
    public sealed class Lifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
