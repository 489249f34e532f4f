using Ctwa.Training.Native;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Native;

public sealed class TorchNativeTests
{
    [Fact]
    public void Libtorch_loads_and_adds_on_this_host()
    {
        TorchNative.EnsureLoaded();
        using var scope = torch.NewDisposeScope();
        Assert.Equal(3f, (torch.ones(1) + 2f).item<float>());
    }

    [Fact]
    public void A_libtorch_from_elsewhere_is_loaded_by_its_folder()
    {
        TorchNative.EnsureLoaded();
        using (torch.ones(1)) { }
        string loaded = File.ReadLines("/proc/self/maps").First(line => line.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal));
        TorchNative.LoadExternal(Path.GetDirectoryName(loaded[loaded.IndexOf('/')..])!);
    }

    [Fact]
    public void A_folder_without_libtorch_is_named_in_the_error()
    {
        string folder = Path.Combine(Path.GetTempPath(), "no-libtorch-here");
        string message = Assert.Throws<InvalidOperationException>(() => TorchNative.LoadExternal(folder)).Message;
        Assert.Contains("CTWA_LIBTORCH", message);
        Assert.Contains(folder, message);
        Assert.Contains("libc10.so", message);
    }

    [Fact]
    public void An_image_that_is_no_shared_library_is_left_alone()
    {
        byte[] image = new byte[128];
        Assert.False(ElfVersionNeed.MakeWeak(image, "GLIBCXX_3.4.32"));
        Assert.All(image, b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_shape_error_is_an_exception_not_a_crash()
    {
        TorchNative.EnsureLoaded();
        using var scope = torch.NewDisposeScope();
        Assert.ThrowsAny<Exception>(() => torch.ones(2, 3).mm(torch.ones(2, 3)));
    }
}
