using Ctwa.Client.Supervision;

namespace Ctwa.Client.Tests;

/// <summary>A silo made of a shell script, and a folder that goes with the test.</summary>
internal sealed class FakeSilo : IDisposable
{
    /// <summary>Prints the ready line and lives until its standard input ends.</summary>
    public const string Serves = "echo 'ctwa-silo ready'; cat > /dev/null";

    public FakeSilo(string script)
    {
        Folder = Directory.CreateTempSubdirectory("ctwa-client-tests-").FullName;
        Script = Path.Combine(Folder, "fake-silo");
        // The process id first: a test finds the process by it, whatever became of its parent.
        File.WriteAllText(Script, $"#!/bin/sh\necho $$ > '{Folder}/pid'\necho \"$@\" >> '{Folder}/arguments'\n{script}\n");
        File.SetUnixFileMode(Script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public string Folder { get; }

    public string Script { get; }

    public SiloCommand Command => new(Script, []);

    /// <summary>Arguments of each start.</summary>
    public string[] Starts => File.Exists(Path.Combine(Folder, "arguments")) ? File.ReadAllLines(Path.Combine(Folder, "arguments")) : [];

    /// <summary>Whether the silo's process is there; a zombie is not.</summary>
    public bool IsRunning
    {
        get
        {
            string stat = $"/proc/{File.ReadAllText(Path.Combine(Folder, "pid")).Trim()}/stat";
            try { return File.ReadAllText(stat).Split(") ")[1][0] != 'Z'; }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return false; }
        }
    }

    public bool HasStarted => File.Exists(Path.Combine(Folder, "pid")) && Starts.Length > 0;

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
