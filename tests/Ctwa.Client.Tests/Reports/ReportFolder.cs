using Ctwa.Client.Commands;
using Ctwa.Client.Reports;

namespace Ctwa.Client.Tests.Reports;

/// <summary>A folder with made runs in which <c>ctwa report</c> is called. It goes with the test.</summary>
internal sealed class ReportFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ctwa-report-").FullName;

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public MadeRun Run(string name, params string[] objectives) => new(At(name), objectives);

    /// <summary>Runs the command in this folder.</summary>
    public async Task<(int Code, string Output, string Error)> ReportAsync(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        var parsed = CtwaCommand.Root().Parse(["report", .. arguments]);
        if (parsed.Errors.Count > 0) { return (ExitCodes.BadInput, "", string.Join('\n', parsed.Errors.Select(one => one.Message))); }
        try
        {
            return (await ReportCommand.RunAsync(ReportCommand.Read(parsed), Path, output, error), output.ToString(), error.ToString());
        }
        catch (CommandFailure failure)
        {
            return (failure.ExitCode, output.ToString(), failure.Message);
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
