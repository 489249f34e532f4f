using System.Runtime.CompilerServices;
using Ctwa.Training.Native;
using TorchSharp;

namespace Ctwa.Silo.Tests;

internal static class AssemblySetup
{
    /// <summary>Loads libtorch before any test touches TorchSharp, with one thread as in a compute lane.</summary>
    [ModuleInitializer]
    internal static void Prepare()
    {
        TorchNative.EnsureLoaded();
        torch.set_num_threads(1);
    }
}
