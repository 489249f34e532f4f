using System.Globalization;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Client.Tests;

public sealed class ExitCodesTests
{
    [Theory]
    [InlineData(JobFailureKind.BadInput, 2)]
    [InlineData(JobFailureKind.Reward, 3)]
    [InlineData(JobFailureKind.Storage, 5)]
    [InlineData(JobFailureKind.Numeric, 6)]
    [InlineData(JobFailureKind.Internal, 1)]
    public void A_failure_of_a_job_has_its_own_exit_code(JobFailureKind kind, int code) => Assert.Equal(code, ExitCodes.Of(kind));

    [Fact]
    public void Every_exit_code_is_in_the_help_and_in_the_documentation()
    {
        string page = File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "docs", "exit-codes.md"));
        foreach (var field in typeof(ExitCodes).GetFields().Where(f => f.FieldType == typeof(int)))
        {
            string code = ((int)field.GetRawConstantValue()!).ToString(CultureInfo.InvariantCulture);
            Assert.Matches($@"\b{code}\b", ExitCodes.Help);
            Assert.Contains($"\n| {code} |", page, StringComparison.Ordinal);
        }
    }
}
