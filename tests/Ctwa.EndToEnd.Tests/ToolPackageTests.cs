using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>The client as a <c>dotnet tool</c>: packed, installed and used without a checkout.</summary>
[Trait("Category", Workplace.Long)]
public sealed class ToolPackageTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task The_package_is_small_installs_and_works_without_a_silo()
    {
        string packages = _place.PathOf("packages"), tools = _place.PathOf("tools");
        // Its own outputs: those of the checkout are in use by other tests.
        var (code, output) = await RunAsync("dotnet", ["pack", Path.Combine(Checkout.Root, "client"), "-c", "Release", "-o", packages, "--artifacts-path", _place.PathOf("artifacts"), "-p:BuildSilo=false", "-nodeReuse:false", "-v:q"]);
        Assert.True(code == 0, output);
        string package = Assert.Single(Directory.GetFiles(packages));
        Assert.InRange(new FileInfo(package).Length, 100_000, 12_000_000);
        using (var zip = ZipFile.OpenRead(package))
        {
            Assert.DoesNotContain(zip.Entries, entry => entry.Name.Contains("torch", StringComparison.OrdinalIgnoreCase) || entry.Name.Contains("silo", StringComparison.OrdinalIgnoreCase));
            Assert.Contains(zip.Entries, entry => entry.FullName == "README.md");
        }

        (code, output) = await RunAsync("dotnet", ["tool", "install", "Ctwa", "--tool-path", tools, "--add-source", packages, "--ignore-failed-sources"]);
        Assert.True(code == 0, output);
        string ctwa = Path.Combine(tools, "ctwa");
        Assert.Equal((0, "0.1.0\n"), await RunAsync(ctwa, ["--version"]));
        // A verb of the grid gets as far as the grid, and one that computes says what is missing.
        (code, output) = await RunAsync(ctwa, ["jobs"]);
        Assert.Equal(2, code);
        Assert.Contains("where is the grid?", output, StringComparison.Ordinal);
        File.WriteAllText(_place.PathOf("job.yaml"), TrainedModel.JobOn("nowhere"));
        (code, output) = await RunAsync(ctwa, ["up"]);
        Assert.Equal(4, code);
        Assert.Contains("no silo found", output, StringComparison.Ordinal);
        Assert.DoesNotContain(Checkout.Root, output, StringComparison.Ordinal);
        // With one, it computes.
        (code, output) = await RunAsync(ctwa, ["model", "init", "--help"], ("CTWA_SILO", Checkout.Silo));
        Assert.True(code == 0, output);
        Assert.Contains("--preset", output, StringComparison.Ordinal);
        (code, output) = await RunAsync(ctwa, ["completion", "bash"]);
        Assert.Equal(0, code);
    }

    private async Task<(int Code, string Output)> RunAsync(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _place.Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string variable in start.Environment.Keys.Where(name => name.StartsWith("CTWA_", StringComparison.Ordinal)).ToArray()) { start.Environment.Remove(variable); }
        string dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        (start.Environment["DOTNET_ROOT"], start.Environment["PATH"]) = (dotnet, $"{dotnet}:{start.Environment["PATH"]}");
        (start.Environment["XDG_CONFIG_HOME"], start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"], start.Environment["DOTNET_NOLOGO"]) = (_place.Folder, "1", "1");
        foreach (var (name, value) in environment) { start.Environment[name] = value; }
        using var process = Process.Start(start)!;
        string[] texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)).WaitAsync(Patience, TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, texts[0] + texts[1]);
    }
}
