using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ctwa.Training.Native;

/// <summary>
/// Prepares the process for libtorch before its first call. Runs by itself when this assembly is loaded; executables
/// that touch TorchSharp before anything of this assembly call <see cref="EnsureLoaded"/>.
/// </summary>
public static partial class TorchNative
{
    private const string Library = "libLibTorchSharp.so";

    // Names the folder of a libtorch that no package brought, such as torch/lib of a Python installation: builds with
    // TorchBackend=external hold none, and LD_LIBRARY_PATH would also change what other libraries find.
    private const string FolderVariable = "CTWA_LIBTORCH";

    // GCC 13's <iostream> leaves this marker in every object; nothing ever calls it, but the loader of a host with an
    // older libstdc++ (Debian 12, Ubuntu 22.04) refuses TorchSharp's library for want of the version it belongs to.
    private const string MarkerSymbol = "_ZSt21ios_base_library_initv";
    private const string MarkerVersion = "GLIBCXX_3.4.32";

    /// <summary>Does nothing but make sure that the module initializer has run.</summary>
    public static void EnsureLoaded() => RuntimeHelpers.RunModuleConstructor(typeof(TorchNative).Module.ModuleHandle);

#pragma warning disable CA2255 // A library needs this here: the settings must precede any libtorch call, whoever makes it.
    [ModuleInitializer]
    internal static void Initialize()
#pragma warning restore CA2255
    {
        if (!OperatingSystem.IsLinux()) { return; }

        // Invariant I1: with default settings MKL's results change with a buffer's alignment. The variable is read by
        // native code, which Environment.SetEnvironmentVariable does not reach.
        _ = SetEnvironment("MKL_CBWR", "AVX2", overwrite: 1);
        _ = SetEnvironment("MKL_NUM_THREADS", "1", overwrite: 0);
        _ = SetEnvironment("OMP_NUM_THREADS", "1", overwrite: 0);
        string? external = Environment.GetEnvironmentVariable(FolderVariable);
        if (!string.IsNullOrEmpty(external)) { LoadExternal(external); }
        LoadOnOlderHosts(dependenciesLoaded: !string.IsNullOrEmpty(external));
    }

    /// <summary>Loads libtorch by path; its sonames then satisfy what TorchSharp's library needs.</summary>
    /// <exception cref="InvalidOperationException">A library cannot be loaded from there.</exception>
    internal static void LoadExternal(string folder)
    {
        foreach (string name in (ReadOnlySpan<string>)["libc10.so", "libtorch_cpu.so", "libtorch_cuda.so", "libtorch.so"])
        {
            string path = Path.Combine(folder, name);
            if (name == "libtorch_cuda.so" && !File.Exists(path)) { continue; } // A libtorch for CPUs.
            try { NativeLibrary.Load(path); }
            catch (DllNotFoundException error)
            {
                throw new InvalidOperationException($"{FolderVariable} is '{folder}', but {name} cannot be loaded from there: {error.Message} Give the folder that holds libtorch.so (of a Python installation: torch/lib), or unset the variable to use the packaged libtorch.", error);
            }
        }
    }

    private static void LoadOnOlderHosts(bool dependenciesLoaded)
    {
        if (NativeLibrary.TryLoad("libstdc++.so.6", out nint standardLibrary) && NativeLibrary.TryGetExport(standardLibrary, MarkerSymbol, out _)) { return; }
        if (FindLibraryFolder() is not { } folder) { return; }

        // What LibTorchSharp needs must be in the process first: its weakened copy lives in another folder.
        foreach (string dependency in (ReadOnlySpan<string>)["libc10.so", "libtorch_cpu.so", "libtorch.so"])
        {
            if (dependenciesLoaded) { break; }
            if (!NativeLibrary.TryLoad(Path.Combine(folder, dependency), out _) && !NativeLibrary.TryLoad(dependency, out _)) { return; }
        }

        byte[] image = File.ReadAllBytes(Path.Combine(folder, Library));
        if (!ElfVersionNeed.MakeWeak(image, MarkerVersion)) { return; }

        var temporary = Directory.CreateTempSubdirectory("ctwa-native-");
        try
        {
            string copy = Path.Combine(temporary.FullName, Library);
            File.WriteAllBytes(copy, image);
            NativeLibrary.Load(copy); // Its soname now satisfies TorchSharp's own dlopen.
        }
        finally
        {
            temporary.Delete(recursive: true); // The mapping survives the file.
        }
    }

    private static string? FindLibraryFolder()
    {
        string searched = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return searched.Split(':', StringSplitOptions.RemoveEmptyEntries).Append(AppContext.BaseDirectory)
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, Library)));
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
