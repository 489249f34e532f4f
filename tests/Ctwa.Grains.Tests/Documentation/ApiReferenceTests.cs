using System.Reflection;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.TestKit;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Grains.Tests.Documentation;

/// <summary>docs/api is what the doc comments say.</summary>
public sealed class ApiReferenceTests
{
    private static readonly string s_folder = Path.Combine(Checkout.Root, "docs", "api");

    private static readonly ApiReference s_reference = new([typeof(JobSpec).Assembly, typeof(TrainingLoop).Assembly, typeof(IGridGrain).Assembly, typeof(GridSiloBuilder).Assembly]);

    [Fact]
    public void The_reference_is_up_to_date()
    {
        var pages = s_reference.Pages();
        if (Environment.GetEnvironmentVariable("CTWA_UPDATE_DOCS") == "1")
        {
            Directory.CreateDirectory(s_folder);
            foreach (string old in Directory.GetFiles(s_folder, "*.md")) { File.Delete(old); }
            foreach (var (name, text) in pages) { File.WriteAllText(Path.Combine(s_folder, name), text); }
        }

        string[] differ = [.. pages.Where(page => !File.Exists(Path.Combine(s_folder, page.Key)) || File.ReadAllText(Path.Combine(s_folder, page.Key)) != page.Value).Select(page => page.Key),
            .. Directory.Exists(s_folder) ? Directory.GetFiles(s_folder).Select(file => Path.GetFileName(file)).Where(file => !pages.ContainsKey(file)) : []];
        Assert.True(differ.Length == 0, $"{string.Join(", ", differ)} of {s_folder} differ from the doc comments; write them anew with: CTWA_UPDATE_DOCS=1 dotnet test --project tests/Ctwa.Grains.Tests --filter-class {typeof(ApiReferenceTests).FullName}");
        Assert.InRange(pages.Values.Sum(page => page.Length), 50_000, 1_000_000);
    }

    [Fact]
    public void Every_public_type_says_what_it_is() => Assert.Empty(s_reference.Types.Where(type => s_reference.Summary(type).Length == 0).Select(type => type.FullName));

    [Fact]
    public void Every_public_method_of_an_interface_says_what_it_does() => Assert.Empty(
        s_reference.Types.Where(type => type.IsInterface).SelectMany(type => ApiReference.Members(type).OfType<MethodInfo>()).Where(method => s_reference.Summary(method).Length == 0).Select(method => $"{method.DeclaringType!.FullName}.{method.Name}"));
}
