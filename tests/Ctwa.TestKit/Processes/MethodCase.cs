using System.Text.RegularExpressions;

namespace Ctwa.TestKit.Processes;

/// <summary>A scalarization method with the options of its example.</summary>
/// <param name="Name">Name of the example in <c>examples/arithmetic</c>, which is the method's name.</param>
/// <param name="Reference">Runs in <c>mode: reference</c>.</param>
/// <param name="Scalarizer">The job's <c>scalarizer</c> section as YAML, its key included.</param>
public sealed partial record MethodCase(string Name, bool Reference, string Scalarizer)
{
    /// <summary>The methods of the paper: they have a reference implementation to be compared with.</summary>
    public static IReadOnlyList<string> OfThePaper { get; } = ["ctwa", "dynamic", "gradnorm", "lagrangian", "linear", "mgda", "pama", "tchebycheff"];

    /// <summary>Folder with one job per method.</summary>
    public static string ExamplesFolder { get; } = Path.Combine(Checkout.Root, "examples", "arithmetic");

    /// <summary>What a reference mode needs and the corrected mode's example leaves out.</summary>
    private static readonly Dictionary<string, string> neededByReference = new() { ["ctwa"] = "targets: 0.2, learning_rate: 1.0" };

    /// <summary>
    /// Every example in corrected mode, and in reference mode where its method has one. A new method is here as soon as it has
    /// an example, which a test asks for.
    /// </summary>
    /// <param name="isAccepted">Whether a job with this text is without errors; it is asked about <see cref="MethodJobs"/>.</param>
    public static IReadOnlyList<MethodCase> All(Func<string, bool> isAccepted)
    {
        var cases = new List<MethodCase>();
        foreach (string file in Directory.GetFiles(ExamplesFolder, "*.yaml").Order(StringComparer.Ordinal))
        {
            string job = File.ReadAllText(file), name = Path.GetFileNameWithoutExtension(file);
            string section = Section().Match(job).Value.TrimEnd() + "\n";
            cases.Add(new MethodCase(name, false, section));
            var reference = new MethodCase(name, true, InReferenceMode(section, neededByReference.GetValueOrDefault(name)));
            if (isAccepted(MethodJobs.Create(reference).Yaml)) { cases.Add(reference); }
        }

        return cases;
    }

    public override string ToString() => Reference ? Name + " reference" : Name;

    // The section is either one line in braces or a block.
    private static string InReferenceMode(string section, string? needed)
    {
        int brace = section.LastIndexOf('}');
        string keys = "mode: reference" + (needed is null ? "" : ", " + needed);
        return brace >= 0 && !section.TrimEnd().Contains('\n', StringComparison.Ordinal)
            ? section[..brace].TrimEnd() + ", " + keys + " " + section[brace..]
            : section + "  " + keys.Replace(", ", "\n  ", StringComparison.Ordinal) + "\n";
    }

    [GeneratedRegex(@"^scalarizer:.*\n(?:[ #].*\n)*", RegexOptions.Multiline)]
    private static partial Regex Section();
}
