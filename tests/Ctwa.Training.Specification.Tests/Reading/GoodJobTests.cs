using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class GoodJobTests
{
    public static TheoryData<string> Files() =>
    [
        .. Directory.GetFiles(Path.Combine(GoldenFolder.RepositoryRoot, "tests", "Ctwa.Training.Specification.Tests", "GoodJobs"), "*.yaml"),
        .. Directory.Exists(Path.Combine(GoldenFolder.RepositoryRoot, "examples")) ? Directory.GetFiles(Path.Combine(GoldenFolder.RepositoryRoot, "examples"), "*.yaml", SearchOption.AllDirectories) : [],
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_good_job_is_read_and_survives_json_and_yaml(string file)
    {
        var result = JobSpecReader.Read(file, []);
        Assert.Empty(result.Errors);
        string json = JobSpecJson.Serialize(result.Spec!);
        Assert.Equal(json, JobSpecJson.Serialize(JobSpecJson.Deserialize(json)));
        Assert.Equal(json, JobSpecJson.Serialize(Jobs.Read(JobSpecYaml.Write(result.Spec!))));
    }
}
