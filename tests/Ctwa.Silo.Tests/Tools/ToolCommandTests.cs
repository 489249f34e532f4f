using Ctwa.Silo.Tools;
using Xunit;

namespace Ctwa.Silo.Tests.Tools;

public sealed class ToolCommandTests
{
    [Fact]
    public async Task An_unknown_verb_is_bad_input()
    {
        var run = await ToolRun.OfAsync("evaluate-everything");
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        Assert.Contains("evaluate-everything", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }
}
