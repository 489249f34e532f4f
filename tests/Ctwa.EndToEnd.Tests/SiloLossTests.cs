using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

public sealed class SiloLossTests : IDisposable
{
    private readonly Workplace _place = new();

    [Fact]
    public async Task A_killed_silo_gives_exit_code_4_and_a_message_with_signal_log_and_the_way_on()
    {
        string job = ExactnessJobs.Create("linear", odd: false).WriteTo(_place.Folder);
        await using var client = CtwaProcess.Start(_place.Folder, "train", job, "--output", "run");
        Assert.True(await client.WaitForOutputAsync("supervised"));
        (await client.WaitForSiloAsync())!.Value.Send(UnixSignal.Kill);
        var result = await client.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(result.ExitCode == 4, result.ToString());
        Assert.StartsWith("error: the silo was ended by signal 9 (SIGKILL, often the kernel's out-of-memory killer; exit code 137) while the job was running (last seen: supervised", result.Error, StringComparison.Ordinal);
        Assert.Contains("\nLast lines of run/silo.log:\n  | ", result.Error, StringComparison.Ordinal);
        Assert.Contains("\n  | ctwa-silo ready\n", result.Error, StringComparison.Ordinal);
        Assert.Matches("\nrun directory: run\nresume with: .* train --resume run\n$", result.Error);
    }

    public void Dispose() => _place.Dispose();
}
