using System.Text.Json.Nodes;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class JobSchemaTests
{
    private static readonly string committed = Path.Combine(GoldenFolder.RepositoryRoot, "docs", "ctwa.schema.json");

    [Fact]
    public void The_committed_schema_is_that_of_the_records()
    {
        if (Environment.GetEnvironmentVariable("CTWA_UPDATE_SCHEMA") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(committed)!);
            File.WriteAllText(committed, JobSchema.Json());
        }

        Assert.True(File.Exists(committed) && File.ReadAllText(committed) == JobSchema.Json(), $"{committed} differs from the records; write it anew with: CTWA_UPDATE_SCHEMA=1 dotnet test --project tests/Ctwa.Training.Specification.Tests --filter-class {typeof(JobSchemaTests).FullName}");
    }

    [Fact]
    public void Editors_are_told_ranges_words_patterns_and_that_unknown_keys_are_wrong()
    {
        var root = JsonNode.Parse(JobSchema.Json())!;
        Assert.False(root["additionalProperties"]!.GetValue<bool>());
        Assert.Equal(["name", "model", "data"], root["required"]!.AsArray().Select(n => n!.GetValue<string>()));
        var properties = root["properties"]!;
        Assert.StartsWith("^[A-Za-z0-9]", properties["name"]!["pattern"]!.GetValue<string>());
        Assert.Equal(long.MaxValue, properties["seed"]!["maximum"]!.GetValue<long>());
        Assert.Equal(4096, properties["rollout"]!["properties"]!["samples_per_prompt"]!["maximum"]!.GetValue<int>());
        Assert.Equal(["rl", "sft"], properties["kind"]!["enum"]!.AsArray().Select(n => n!.GetValue<string>()));
        Assert.Equal(2, properties["optimizer"]!["properties"]!["betas"]!["maxItems"]!.GetValue<int>());
        Assert.NotNull(properties["rollout"]!["properties"]!["top_k"]!["description"]);
    }
}
