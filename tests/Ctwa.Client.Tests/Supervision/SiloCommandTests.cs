using Ctwa.Client.Supervision;
using Xunit;

namespace Ctwa.Client.Tests.Supervision;

public sealed class SiloCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-silo-command-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_named_silo_comes_before_the_one_beside_the_client_and_that_before_the_build_output()
    {
        string named = Touch("named/ctwa-silo"), beside = Touch("client/ctwa-silo"), built = Touch("built/ctwa-silo.dll");
        Touch("built/ctwa-silo.runtimeconfig.json");
        string client = Path.Combine(folder, "client");
        Assert.Equal(named, SiloCommand.Find(named, client, built).FileName);
        Assert.Equal(beside, SiloCommand.Find(null, client, built).FileName);
        File.Delete(beside);
        Assert.Equal([built], SiloCommand.Find("", client, built).Prefix);
    }

    [Fact]
    public void An_assembly_runs_in_the_dotnet_host()
    {
        var command = SiloCommand.Find(Touch("ctwa-silo.dll"), folder, null);
        Assert.Equal("dotnet", Path.GetFileName(command.FileName));
        Assert.True(File.Exists(command.FileName), command.FileName);
    }

    [Fact]
    public void A_copied_assembly_without_runtime_configuration_is_no_program()
    {
        Touch("ctwa-silo.dll");
        var failure = Assert.Throws<CommandFailure>(() => SiloCommand.Find(null, folder, null));
        Assert.Equal(ExitCodes.SiloLost, failure.ExitCode);
        Assert.Contains("CTWA_SILO", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_variable_is_named_rather_than_passed_over()
    {
        Touch("ctwa-silo");
        var failure = Assert.Throws<CommandFailure>(() => SiloCommand.Find("/no/such/silo", folder, null));
        Assert.Contains("CTWA_SILO is '/no/such/silo'", failure.Message, StringComparison.Ordinal);
    }

    private string Touch(string name)
    {
        string path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        return path;
    }
}
