using System.Text.Json;
using Ctwa.Silo.Tools;
using Ctwa.Silo.Tools.Generation;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization.Chat;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Generation;

public sealed class ChatDialogueTests : IDisposable
{
    private const string Named = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}";

    // Only what the built-in task's tokenizer can write.
    private const string Plain = "{% for m in messages %}{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}1. {% endif %}";

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-chat-").FullName;

    [Fact]
    public void What_was_said_is_said_again()
    {
        var dialogue = new ChatDialogue(ChatTemplate.Parse(Named), "be brief");
        Assert.Equal("[system] be brief\n[user] hi\n[assistant] ", dialogue.Ask("hi"));
        dialogue.Answered("hi", "hello");
        Assert.Equal("[system] be brief\n[user] hi\n[assistant] hello\n[user] and?\n[assistant] ", dialogue.Ask("and?"));
        dialogue.Restart();
        Assert.Equal("[system] be brief\n[user] hi\n[assistant] ", dialogue.Ask("hi"));
        Assert.Equal("[user] hi\n[assistant] ", new ChatDialogue(ChatTemplate.Parse(Named), null).Ask("hi"));
    }

    [Fact]
    public void A_row_is_a_conversation_of_its_own()
    {
        var dialogue = new ChatDialogue(ChatTemplate.Parse(Named), "be brief");
        dialogue.Answered("hi", "hello");
        Assert.Equal("[system] be brief\n[user] 1+1?\n[assistant] ", dialogue.Ask(new PromptExample("1+1?", "2")));
        Assert.Equal("[system] be long\n[user] 1+1?\n[assistant] ", dialogue.Ask(new PromptExample("1+1?", "2") { Messages = [new("system", "be long"), new("user", "1+1?")] }));
    }

    [Fact]
    public void A_template_that_refuses_is_bad_input()
    {
        var dialogue = new ChatDialogue(ChatTemplate.Parse("{{ raise_exception('no system message') }}"), null);
        Assert.Contains("no system message", Assert.Throws<ToolFailure>(() => dialogue.Ask("hi")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_is_answered_in_the_models_template()
    {
        string model = TinyModels.Write(Path.Combine(_folder, "model"));
        string[] how = ["--temperature", "0", "--max-new-tokens", "9"];
        Assert.Contains("has no chat template", (await FailsAsync("generate", model, "--chat", "-p", "1")).Error, StringComparison.Ordinal);
        Assert.Contains("has no chat template", (await FailsAsync("eval", model, "--chat", "--task", "arithmetic", "--reward", "math_boxed")).Error, StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), Plain);
        string expected = (await ToolRun.OfAsync(["generate", model, "-p", "7\n1+2=?\n1. ", .. how])).Output;
        Assert.Equal(expected, (await ToolRun.OfAsync(["generate", model, "-p", "1+2=?", "--system", "7", .. how])).Output);
        Assert.NotEqual(expected, (await ToolRun.OfAsync(["generate", model, "-p", "1+2=?", .. how])).Output);

        string json = Path.Combine(_folder, "e.json");
        async Task<int> PromptTokensAsync(params string[] more)
        {
            var run = await ToolRun.OfAsync(["eval", model, "--task", "arithmetic", "--prompts", "1", "-k", "1", "--reward", "math_boxed", "--max-new-tokens", "4", "-o", json, .. more]);
            Assert.True(run.ExitCode == 0, run.Error);
            using var document = JsonDocument.Parse(File.ReadAllBytes(json));
            return document.RootElement.GetProperty("model").GetProperty("prompts")[0].GetProperty("prompt_tokens").GetInt32();
        }

        int plain = await PromptTokensAsync();
        Assert.True(await PromptTokensAsync("--chat") > plain);

        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), "{% for %}");
        Assert.Contains("chat_template.jinja", (await FailsAsync("generate", model, "--chat", "-p", "1")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_that_are_conversations_are_rendered()
    {
        string model = TinyModels.Write(Path.Combine(_folder, "model")), data = Path.Combine(_folder, "d.jsonl");
        File.WriteAllText(data, """{"prompt": [{"role": "system", "content": "7"}, {"role": "user", "content": "1+2=?"}], "answer": "3"}""" + "\n");
        string[] generate = ["generate", model, "--data", data, "--answer-field", "answer", "--temperature", "0", "--max-new-tokens", "9"], eval = ["eval", model, "--data", data, "--reward", "math_boxed", "--temperature", "0", "--max-new-tokens", "9"];
        Assert.Contains("d.jsonl:1 is a conversation; add --chat", (await FailsAsync(generate)).Error, StringComparison.Ordinal);
        Assert.Contains("no chat template", (await FailsAsync(eval)).Error, StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), Plain);
        string expected = (await ToolRun.OfAsync("generate", model, "-p", "7\n1+2=?\n1. ", "--temperature", "0", "--max-new-tokens", "9")).Output.TrimEnd('\n');
        using var answer = JsonDocument.Parse((await ToolRun.OfAsync([.. generate, "--chat", "--system", "8"])).Output);
        Assert.Equal(expected, answer.RootElement.GetProperty("response").GetString()!.TrimEnd('\n'));

        string samples = Path.Combine(_folder, "s.jsonl");
        Assert.Equal(0, (await ToolRun.OfAsync([.. eval, "--samples-out", samples])).ExitCode);
        using var scored = JsonDocument.Parse(File.ReadAllText(samples));
        Assert.Equal(expected, scored.RootElement.GetProperty("response").GetString()!.TrimEnd('\n'));
        Assert.Equal("1+2=?", scored.RootElement.GetProperty("prompt").GetString());
    }

    [Fact]
    public void A_session_keeps_the_conversation_and_a_pipe_does_not()
    {
        string model = TinyModels.Write(Path.Combine(_folder, "model"));
        File.WriteAllText(Path.Combine(model, "chat_template.jinja"), Plain);
        var options = new GenerateOptions { Model = model, Chat = true, Temperature = 0, MaxNewTokens = 6 };
        string first = Run(options, "1+2=?\n", interactive: false);
        Assert.Equal(first + first, Run(options, "1+2=?\n1+2=?\n", interactive: false));
        string dialogue = Run(options, "1+2=?\n1+2=?\n:new\n1+2=?\n:q\n", interactive: true);
        string[] parts = dialogue.Split("> ");
        Assert.Equal(6, parts.Length);
        Assert.Equal(first, parts[1]);
        Assert.NotEqual(first, parts[2]);
        Assert.Equal(first, parts[4]);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Run(GenerateOptions options, string input, bool interactive)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter();
        Assert.Equal(0, GenerateCommand.Run(options, new StringReader(input), interactive, output, error));
        return output.ToString();
    }

    private static async Task<ToolRun> FailsAsync(params string[] arguments)
    {
        var run = await ToolRun.OfAsync(arguments);
        Assert.True(run.ExitCode == ToolExitCodes.BadInput, $"exit code {run.ExitCode}: {run.Error}");
        return run;
    }
}
