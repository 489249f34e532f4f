using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>Small graders in Python, written into a folder of the test; tests skip where there is no python3.</summary>
internal sealed class PythonGrader : IDisposable
{
    private const string Head = """
        import json, os, signal, sys, time
        def requests():
            for line in sys.stdin:
                yield json.loads(line)
        def reply(**members):
            print(json.dumps(members), flush=True)

        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-grader-").FullName;

    public PythonGrader(string body)
    {
        Assert.SkipWhen(ProgramPath.Find("python3") is null, "there is no python3 on the PATH.");
        File.WriteAllText(PathOf("grader.py"), Head + body);
    }

    public string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>What the grader wrote into a file of its folder, line by line.</summary>
    public string[] Lines(string name) => File.Exists(PathOf(name)) ? File.ReadAllLines(PathOf(name)) : [];

    public ProcessRewardSpec Spec => new() { Command = ["python3", "-u", "grader.py"], WorkingDirectory = _folder };

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
