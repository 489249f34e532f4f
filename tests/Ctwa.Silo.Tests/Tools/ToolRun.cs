using Ctwa.Silo.Tools;

namespace Ctwa.Silo.Tests.Tools;

/// <summary>One call of a tool in this process.</summary>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    public static async Task<ToolRun> OfAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await ToolCommand.InvokeAsync(arguments, output, error);
        return new ToolRun(code, output.ToString(), error.ToString());
    }
}
