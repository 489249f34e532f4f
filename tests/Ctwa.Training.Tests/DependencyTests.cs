using System.Reflection;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests;

public sealed class DependencyTests
{
    [Fact]
    public void The_core_sees_no_Orleans() =>
        AssertAbsent(typeof(TrainingLoop).Assembly, "Orleans", "Microsoft.Orleans", "Ctwa.Grains");

    [Fact]
    public void The_specification_sees_neither_TorchSharp_nor_Orleans() =>
        AssertAbsent(typeof(JobSpec).Assembly, "TorchSharp", "Orleans", "Microsoft.Orleans", "Microsoft.ML", "Ctwa.");

    private static void AssertAbsent(Assembly assembly, params string[] unwanted)
    {
        string[] references = [.. assembly.GetReferencedAssemblies().Select(reference => reference.Name!)];
        Assert.NotEmpty(references);
        Assert.All(unwanted, prefix => Assert.DoesNotContain(references, reference => reference.StartsWith(prefix, StringComparison.Ordinal)));
    }
}
