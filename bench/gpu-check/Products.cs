using TorchSharp;

namespace Ctwa.GpuCheck;

/// <summary>How float32 matrix products are computed on the device.</summary>
internal static class Products
{
    /// <summary>Full float32, or TF32 (10 bits of mantissa per factor) if the settings ask for it.</summary>
    public static void Use(Settings settings)
    {
        if (settings.Device != "cuda") { return; }
        torch.InitializeDeviceType(DeviceType.CUDA);
        torch.backends.cuda.matmul.allow_tf32 = settings.Type == "tf32";
    }
}
