using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

/// <summary>The examples: one per method, under one budget, each readable on its own.</summary>
public sealed class ExampleTests
{
    private static readonly string[] ofThePaper = ["ctwa", "dynamic", "gradnorm", "lagrangian", "linear", "mgda", "pama", "tchebycheff"];

    public static TheoryData<string> Folders => new("arithmetic", "math500");

    private static Dictionary<string, string> Files(string folder) =>
        Directory.GetFiles(Path.Combine(GoldenFolder.RepositoryRoot, "examples", folder), "*.yaml").Order(StringComparer.Ordinal).ToDictionary(file => Path.GetFileNameWithoutExtension(file)!);

    // Methods are found by their attribute: a new one asks for its example here.
    [Fact]
    public void Every_method_has_its_arithmetic_example_and_the_eight_of_the_paper_their_math500_example()
    {
        string[] methods = [.. ScalarizationMethodAttribute.All.Select(method => method.Name)];
        Assert.Equal(methods.Order(StringComparer.Ordinal), Files("arithmetic").Keys);
        Assert.Equal(methods.Intersect(ofThePaper).Order(StringComparer.Ordinal), Files("math500").Keys);
    }

    [Theory, MemberData(nameof(Folders))]
    public void The_examples_of_a_folder_differ_in_name_and_scalarizer_only(string folder)
    {
        var files = Files(folder);
        var first = Read(files.Values.First());
        foreach (var (method, file) in files)
        {
            var job = Read(file);
            Assert.Equal(method, job.Scalarizer.MethodName());
            Assert.Equal($"{folder}-{method.Replace('_', '-')}", job.Name);
            Assert.All(JobSettings.Differences(first, job), difference => Assert.Contains(JobSettings.SectionOf(difference.Key), (string[])["name", "scalarizer"]));
            Assert.StartsWith("# ", File.ReadLines(file).First(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_arithmetic_examples_are_the_quick_start()
    {
        var quickstart = Read(Path.Combine(GoldenFolder.RepositoryRoot, "examples", "quickstart.yaml"));
        Assert.All(JobSettings.Differences(quickstart, Read(Files("arithmetic")["ctwa"])), difference => Assert.Equal("name", difference.Key));
    }

    [Fact]
    public void The_math500_examples_have_the_size_of_the_papers_experiments()
    {
        var job = Read(Files("math500")["linear"]);
        Assert.Equal((32, 16, 1024, 1024), (job.Rollout.PromptsPerStep, job.Rollout.SamplesPerPrompt, job.Data.MaxPromptTokens, job.Rollout.MaxNewTokens));
        Assert.Equal((810, 1e-6, 16), (job.Schedule.Steps, job.Optimizer.LearningRate, job.Update.PromptsPerUpdate));
        Assert.Equal(("data/math500/validation.jsonl", "data/math500/test.jsonl"), (job.Data.Validation!.Path, job.Data.Test!.Path));
    }

    private static JobSpec Read(string file)
    {
        var read = JobSpecReader.Read(file, []);
        Assert.Empty(read.Errors);
        return read.Spec!;
    }
}
