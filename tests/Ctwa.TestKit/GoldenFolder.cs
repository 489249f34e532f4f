using System.Text.Json;
using Xunit;

namespace Ctwa.TestKit;

/// <summary>The shared golden data: <c>$CTWA_SHARED/golden</c>, by default <c>../shared</c> beside the repository.</summary>
public static class GoldenFolder
{
    /// <summary>Trait of parity tests: <c>dotnet test --filter-trait Category=Golden</c> runs just them.</summary>
    public const string Category = "Golden";

    /// <summary>The repository's root, found upwards from the test binary.</summary>
    public static string RepositoryRoot => Checkout.Root;

    /// <summary>The folder <c>golden</c>; skips the running test, with the reason, where it is absent.</summary>
    public static string Require()
    {
        string shared = Environment.GetEnvironmentVariable("CTWA_SHARED") is { Length: > 0 } set ? set : Path.Combine(RepositoryRoot, "..", "shared");
        string golden = Path.GetFullPath(Path.Combine(shared, "golden"));
        Assert.SkipUnless(Directory.Exists(golden), $"no golden data at {golden}; set CTWA_SHARED to the folder that holds golden/.");
        return golden;
    }

    /// <summary>All cases of a family <c>golden/reference/NAME.json</c>; fails if the folder is there and the family is empty.</summary>
    public static List<JsonElement> ReferenceCases(string family)
    {
        string path = Path.Combine(Require(), "reference", family + ".json");
        Assert.True(File.Exists(path), $"the golden folder is present but {path} is missing.");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var cases = document.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone()).ToList();
        Assert.True(cases.Count > 0, $"{path} holds no case.");
        return cases;
    }
}
