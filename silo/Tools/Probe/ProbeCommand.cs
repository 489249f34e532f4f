using System.CommandLine;
using System.Reflection;
using System.Text.Json.Nodes;
using Ctwa.Training.Native;
using Ctwa.Training.Steps;
using TorchSharp;

namespace Ctwa.Silo.Tools.Probe;

/// <summary><c>ctwa-silo tool probe</c>: what this program is and what it finds, as one JSON object, for <c>ctwa doctor</c>.</summary>
internal static class ProbeCommand
{
    public static Command Create()
    {
        var command = new Command("probe", "Describe this program and the devices that it finds, as JSON.") { Hidden = true };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(Describe().ToJsonString());
            return ToolExitCodes.Success;
        });
        return command;
    }

    internal static JsonObject Describe()
    {
        var found = new JsonObject { ["version"] = typeof(ProbeCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "" };
        try
        {
            TorchNative.EnsureLoaded();
            var fingerprint = NumericFingerprint.OfCpu(threadsPerShard: 1);
            int devices = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
            found["libtorch"] = fingerprint.LibTorch;
            found["processor"] = fingerprint.Device;
            found["instructions"] = fingerprint.Instructions;
            found["cuda_devices"] = devices;
            found["cuda_name"] = devices > 0 ? ComputeDevice.NameOf(new torch.Device(DeviceType.CUDA, 0)) : null;
            // Loaded is not yet working: one sum, by the library itself.
            using var one = torch.ones(2);
            using var sum = one.sum();
            if (sum.item<float>() != 2) { found["error"] = "libtorch adds one and one to something else than two."; }
        }
        catch (Exception broken)
        {
            // Whatever it is, it is what the user has to know.
            found["error"] = (broken.InnerException ?? broken).Message;
        }

        return found;
    }
}
