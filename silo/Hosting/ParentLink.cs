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
    /// Ctrl-C reaches the whole process group of a terminal; here it is the parent's business.
    /// </summary>
    public static void Follow(IHostApplicationLifetime lifetime)
    {
        var ignored = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        new Thread(() =>
        {
            using var input = Console.OpenStandardInput();
            byte[] buffer = new byte[64];
            while (input.Read(buffer) > 0) { }
            lifetime.StopApplication();
            Thread.Sleep(s_patience);
            GC.KeepAlive(ignored);
            Environment.Exit(0);
        })
        { IsBackground = true, Name = "ctwa-parent-link" }.Start();
    }
}
