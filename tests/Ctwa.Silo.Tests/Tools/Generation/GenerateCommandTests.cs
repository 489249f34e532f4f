using System.Text.Json;
using Ctwa.Silo.Tools;
using Ctwa.Silo.Tools.Generation;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Generation;

public sealed class GenerateCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-generate-").FullName;

    [Fact]
    public async Task A_prompt_is_answered_alone_on_the_output()
    {
        string model = TinyModels.Write(In("model"));
        string[] arguments = ["generate", model, "--prompt", "5+4+3+2=?\n", "--max-new-tokens", "12", "--seed", "4"];
        var run = await ToolRun.OfAsync(arguments);
        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"^\d+ tokens in [\d.]+ s, \d+ tokens/s\n$", run.Error);
        Assert.EndsWith("\n", run.Output, StringComparison.Ordinal);
        Assert.Equal(run.Output, (await ToolRun.OfAsync(arguments)).Output);
        Assert.NotEqual(run.Output, (await ToolRun.OfAsync([.. arguments[..^1], "5"])).Output);

        File.WriteAllText(In("p.txt"), "5+4+3+2=?\n");
        Assert.Equal(run.Output, (await ToolRun.OfAsync(["generate", model, "--prompt-file", In("p.txt"), .. arguments[4..]])).Output);
    }

    [Fact]
    public async Task Temperature_0_takes_the_likeliest_token_whatever_the_seed()
    {
        string model = TinyModels.Write(In("model"));
        string[] arguments = ["generate", model, "-p", "1+1=?\n", "--temperature", "0", "--max-new-tokens", "9", "--seed"];
        var first = await ToolRun.OfAsync([.. arguments, "1"]);
        Assert.Equal(first.Output, (await ToolRun.OfAsync([.. arguments, "2"])).Output);
        Assert.Equal(first.Output, (await ToolRun.OfAsync(["generate", model, "-p", "1+1=?\n", "--top-k", "1", "--max-new-tokens", "9"])).Output);
    }

    [Fact]
    public async Task A_file_of_prompts_gives_a_line_per_answer()
    {
        string model = TinyModels.Write(In("model"));
        File.WriteAllLines(In("d.jsonl"), ["""{"q": "1+2=?\n"}""", """{"q": "3+4+5=?\n"}""", """{"q": "6+7=?\n"}"""]);
        string[] arguments = ["generate", model, "--data", In("d.jsonl"), "--prompt-field", "q", "-n", "2", "--max-new-tokens", "7"];
        var run = await ToolRun.OfAsync([.. arguments, "--output", In("o.jsonl")]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("", run.Output);
        string[] lines = File.ReadAllLines(In("o.jsonl"));
        var rows = lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)], rows.Select(row => (row.GetProperty("row").GetInt32(), row.GetProperty("sample").GetInt32())));
        Assert.All(rows, row => Assert.InRange(row.GetProperty("tokens").GetInt32(), 1, 7));
        Assert.True(rows.Select(row => row.GetProperty("response").GetString()).Distinct().Count() > 2);
        Assert.Equal("3+4+5=?\n", rows[2].GetProperty("prompt").GetString());
        Assert.Equal(lines, (await ToolRun.OfAsync(arguments)).Output.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void A_pipe_holds_a_prompt_per_line()
    {
        var options = new GenerateOptions { Model = TinyModels.Write(In("model")), MaxNewTokens = 5, Temperature = 0 };
        var (both, error) = Run(options, "1+2=?\n\n3+4=?\n", interactive: false);
        var (first, _) = Run(options, "1+2=?", interactive: false);
        var (second, _) = Run(options, "3+4=?\n", interactive: false);
        Assert.Equal(first + second, both);
        Assert.DoesNotContain(">", error, StringComparison.Ordinal);
        Assert.Equal("", Run(options, "", interactive: false).Output);
        // A bad line ends it: the lines behind it must not be taken for its answers.
        Assert.Contains("prompt 2", Assert.Throws<ToolFailure>(() => Run(options, "1+2=?\né\n3+4=?\n", interactive: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_person_is_asked_until_they_leave()
    {
        var options = new GenerateOptions { Model = TinyModels.Write(In("model")), MaxNewTokens = 5, Temperature = 0 };
        string answer = Run(options, "1+2=?\n", interactive: false).Output;
        var (output, error) = Run(options, "1+2=?\né\n\n:q\n3+4=?\n", interactive: true);
        Assert.Equal($"> {answer}> > > ", output);
        Assert.Contains(":q", error, StringComparison.Ordinal);
        Assert.Contains("é", error, StringComparison.Ordinal);
        // The end of the input (Ctrl-D) leaves the terminal at the start of a line.
        Assert.Equal($"> {answer}> \n", Run(options, "1+2=?\n", interactive: true).Output);
    }

    [Fact]
    public void The_first_interrupt_stops_an_answer_and_the_next_the_program()
    {
        using var interrupt = new AnswerInterrupt();
        Assert.False(interrupt.Stop());
        var answer = interrupt.Begin();
        Assert.False(answer.IsCancellationRequested);
        Assert.True(interrupt.Stop());
        Assert.True(answer.IsCancellationRequested);
        Assert.False(interrupt.Stop());
        Assert.True(interrupt.End());
        Assert.False(interrupt.Stop());
        _ = interrupt.Begin();
        Assert.False(interrupt.End());
    }

    [Fact]
    public async Task What_is_wrong_is_said_before_a_weight_is_read()
    {
        string model = TinyModels.Write(In("model"));
        File.WriteAllBytes(In("latin1.txt"), [0xE9, 0x0A]);
        File.WriteAllText(In("empty.txt"), "");
        await FailsAsync("there is no folder", "generate", In("nowhere"), "-p", "1");
        await FailsAsync("exclude each other", "generate", model, "-p", "1", "--data", "x");
        await FailsAsync("belongs to --data", "generate", model, "-p", "1", "--output", In("x"));
        await FailsAsync("--prompt is empty", "generate", model, "-p", "");
        await FailsAsync("--samples 0", "generate", model, "-p", "1", "-n", "0");
        await FailsAsync("--temperature -1", "generate", model, "-p", "1", "--temperature", "-1");
        await FailsAsync("is not UTF-8", "generate", model, "--prompt-file", In("latin1.txt"));
        await FailsAsync("has 0 bytes", "generate", model, "--prompt-file", In("empty.txt"));
        await FailsAsync("does not exist", "generate", model, "--prompt-file", In("no.txt"));
        await FailsAsync("exceeds the 64 positions", "generate", model, "-p", "1", "--max-new-tokens", "64");
        await FailsAsync("cannot be written", "generate", model, "-p", "é");
        File.WriteAllText(In("d.jsonl"), "{\"prompt\": \"1\"}\n{\"question\": \"1\"}\n");
        await FailsAsync("d.jsonl:2", "generate", model, "--data", In("d.jsonl"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static (string Output, string Error) Run(GenerateOptions options, string input, bool interactive)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        Assert.Equal(0, GenerateCommand.Run(options, new StringReader(input), interactive, output, error));
        return (output.ToString(), error.ToString());
    }

    private static async Task FailsAsync(string part, params string[] arguments)
    {
        var run = await ToolRun.OfAsync(arguments);
        Assert.True(run.ExitCode == ToolExitCodes.BadInput, $"exit code {run.ExitCode}: {run.Error}");
        Assert.Contains(part, run.Error, StringComparison.Ordinal);
        Assert.Equal("", run.Output);
    }

    private string In(params string[] names) => Path.Combine([_folder, .. names]);
}
