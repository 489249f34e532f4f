using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>Who may see whom (docs/architecture.md), read from the built assemblies.</summary>
public sealed class DependencyTests
{
    [Theory]
    [InlineData("training-core/Specification/bin", "Ctwa.Training.Specification.dll", "System.* YamlDotNet")]
    [InlineData("training-core/Core/bin", "Ctwa.Training.dll", "System.* Ctwa.Training.Specification TorchSharp Microsoft.ML.Tokenizers Microsoft.Win32.Primitives Snappier ZstdSharp")]
    [InlineData("grains/Abstractions/bin", "Ctwa.Grains.Abstractions.dll", "System.* Ctwa.Training.Specification Orleans.* Microsoft.Extensions.*")]
    [InlineData("client/bin", "ctwa.dll", "System.* Ctwa.Training.Specification Ctwa.Grains.Abstractions Orleans.* Microsoft.Extensions.* Microsoft.Win32.Primitives Spectre.Console* StackExchange.Redis Microsoft.AspNetCore.Connections.Abstractions")]
    [InlineData("grains/Implementations/bin", "Ctwa.Grains.dll", "System.* Ctwa.Training* Ctwa.Grains.Abstractions TorchSharp Orleans.* Microsoft.Extensions.* Microsoft.Win32.Primitives")]
    public void A_room_sees_only_what_it_may(string output, string assembly, string allowed)
    {
        string path = Path.Combine(Checkout.Root, output, Path.GetRelativePath(Path.Combine(Checkout.Root, "client", "bin"), Path.GetDirectoryName(Checkout.Client)!), assembly);
        using var file = new PEReader(File.OpenRead(path));
        var metadata = file.GetMetadataReader();
        string[] references = [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
        Assert.Contains("System.Runtime", references);
        Assert.All(references, reference => Assert.Contains(allowed.Split(' '), pattern => pattern.EndsWith('*') ? reference.StartsWith(pattern[..^1], StringComparison.Ordinal) : reference == pattern));
    }
}
