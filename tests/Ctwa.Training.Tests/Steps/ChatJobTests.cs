using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Datasets;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Tokenization;
using Ctwa.Training.Tokenization;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>From prompts of the data to token ids, as data.chat says; and the tokens that end an answer.</summary>
public sealed class ChatJobTests : IDisposable
{
    private const string Template = "{% for m in messages %}<s>{{ m.role }}:{{ m.content }}<e>\n{% endfor %}{% if add_generation_prompt %}<s>{{ 'think:' if think else '' }}{% endif %}";

    private readonly TokenizerFixture _fixture = new();

    public ChatJobTests()
    {
        foreach (string token in (string[])["<end>", "<s>", "<e>"]) { _fixture.Add(token); }
        File.WriteAllText(_fixture.Path, _fixture.Json.ToJsonString());
        Configure(Template);
        File.WriteAllText(Path.Combine(_fixture.Folder, "config.json"), ModelConfig.FromInit(Init, 260).ToJson());
        File.WriteAllText(Path.Combine(_fixture.Folder, "train.jsonl"), """{"prompt": "2+2?", "answer": "4"}""" + "\n");
    }

    private ModelInitSpec Init => new() { HiddenSize = 16, IntermediateSize = 40, NumHiddenLayers = 1, NumAttentionHeads = 2, NumKeyValueHeads = 2, Tokenizer = _fixture.Folder, MaxPositionEmbeddings = 128 };

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Plain_texts_stay_plain_unless_the_job_says_always()
    {
        Assert.Equal("2+2?", Prompt(Prepare(ChatMode.Auto)));
        Assert.Equal("2+2?", Prompt(Prepare(ChatMode.Never)));

        var always = Prepare(ChatMode.Always);
        Assert.Equal("<s>user:2+2?<e>\n<s>", Prompt(always));
        Assert.Equal(2, always.Encode(RandomPurpose.Sampling, 0, 0).Tokens.ToArray().Count(id => id == always.Tokenizer.IdOf("<s>")));
        // Rewards see the question, not the frame around it.
        Assert.Equal("2+2?", always.Example(RandomPurpose.Sampling, 0).Prompt);
    }

    [Fact]
    public void Options_reach_the_template() =>
        Assert.Equal("<s>user:2+2?<e>\n<s>think:", Prompt(Prepare(ChatMode.Always, """{"think": true}""")));

    [Fact]
    public void Lists_of_messages_are_rendered_or_joined()
    {
        ChatMessage[] messages = [new("system", "S"), new("user", "U")];
        PromptTexts Texts(ChatMode mode) => new(Job(mode).Data, _fixture.Folder);

        Assert.Equal("<s>system:S<e>\n<s>user:U<e>\n<s>", Texts(ChatMode.Auto).Of("U", messages));
        Assert.Equal("<s>system:S<e>\n<s>user:U<e>\n<s>", Texts(ChatMode.Always).Of("U", messages));
        Assert.Equal("S\n\nU", Texts(ChatMode.Never).Of("U", messages));
    }

    [Fact]
    public void The_clock_does_not_reach_a_job()
    {
        Configure("{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}none{% endif %}");
        Assert.Equal("none", Prompt(Prepare(ChatMode.Always)));
    }

    [Fact]
    public void Without_a_template_conversations_are_an_error_that_says_what_to_do_and_plain_texts_are_none()
    {
        Configure(null);
        var error = Assert.Throws<JobInputException>(() => Prepare(ChatMode.Always));
        Assert.Contains(_fixture.Folder, error.Message, StringComparison.Ordinal);
        Assert.Contains("set data.chat: auto", error.Message, StringComparison.Ordinal);
        string messages = Assert.Throws<InvalidDataException>(() => new PromptTexts(Job(ChatMode.Auto).Data, _fixture.Folder).Of("U", [new("user", "U")])).Message;
        Assert.Contains("set data.chat: never", messages, StringComparison.Ordinal);
        Assert.Equal("2+2?", Prompt(Prepare(ChatMode.Auto)));
    }

    [Fact]
    public void A_prompt_that_the_template_refuses_is_named()
    {
        Configure("{{ raise_exception('no ' + messages[0].role) }}");
        var error = Assert.Throws<JobInputException>(() => Prepare(ChatMode.Always));
        Assert.StartsWith("data.train: prompt 0 cannot be rendered", error.Message, StringComparison.Ordinal);
        Assert.Contains("no user", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_that_nobody_needs_is_not_read()
    {
        Configure("{% include 'x' %}");
        Assert.Equal("2+2?", Prompt(Prepare(ChatMode.Auto)));
        Assert.Contains("'include' is not supported", Assert.Throws<JobInputException>(() => Prepare(ChatMode.Always)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_supervised_answer_behind_a_chat_prompt_ends_as_the_template_ends_turns()
    {
        File.WriteAllText(Path.Combine(_fixture.Folder, "generation_config.json"), """{"eos_token_id": [256, 258]}""");
        (string Prompt, string Response) Supervised(ChatMode mode)
        {
            var job = Prepare(mode, supervised: true);
            var (prompt, response) = job.EncodeSupervised(1, 0);
            return (job.Tokenizer.Decode(prompt), job.Tokenizer.Decode(response));
        }

        Assert.Equal(("<s>user:2+2?<e>\n<s>", "4<e>"), Supervised(ChatMode.Always));
        Assert.Equal(("2+2?", "4<end>"), Supervised(ChatMode.Auto));

        // A template whose turns end with no stop token.
        Configure("{% for m in messages %}{{ m.content }}\n{% endfor %}");
        Assert.Equal(("2+2?\n", "4<end>"), Supervised(ChatMode.Always));
    }

    [Fact]
    public void Stop_tokens_come_from_generation_config_then_from_config_then_from_the_tokenizer()
    {
        string config = Path.Combine(_fixture.Folder, "config.json"), generation = Path.Combine(_fixture.Folder, "generation_config.json");
        Assert.Equal([256], Prepare(ChatMode.Auto).StopTokens);

        var json = JsonNode.Parse(File.ReadAllText(config))!;
        json["eos_token_id"] = 257;
        File.WriteAllText(config, json.ToJsonString());
        Assert.Equal([257], Prepare(ChatMode.Auto).StopTokens);

        File.WriteAllText(generation, """{"eos_token_id": [258, 256], "temperature": 0.7}""");
        var job = Prepare(ChatMode.Auto);
        Assert.Equal([258, 256], job.StopTokens);
        // A checkpoint, which has no generation_config.json, keeps them.
        Assert.Equal([258, 256], job.Config.EosTokenIds);

        File.WriteAllText(generation, """{"eos_token_id": 258}""");
        Assert.Equal([258], Prepare(ChatMode.Auto).StopTokens);
        File.WriteAllText(generation, """{"eos_token_id": null}""");
        Assert.Equal([257], Prepare(ChatMode.Auto).StopTokens);
    }

    [Theory]
    [InlineData("{", "is not valid JSON at line 1")]
    [InlineData("[]", "holds no JSON object")]
    [InlineData("""{"eos_token_id": "x"}""", "as eos_token_id; expected are token ids")]
    [InlineData("""{"eos_token_id": [1, -1]}""", "as eos_token_id; expected are token ids")]
    [InlineData("""{"eos_token_id": 9000}""", "has the eos_token_id 9000, but vocab_size is 260")]
    public void A_damaged_generation_config_is_one_clear_error(string content, string named)
    {
        string path = Path.Combine(_fixture.Folder, "generation_config.json");
        File.WriteAllText(path, content);
        var error = Assert.Throws<JobInputException>(() => Prepare(ChatMode.Auto));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_built_in_task_has_the_prompts_that_it_always_had()
    {
        var job = PreparedJob.Prepare(TinyJobs.Arithmetic(), _fixture.Folder);
        Assert.All(job.TrainIndices, i => Assert.Equal(job.Tokenizer.Encode(job.Example(RandomPurpose.Sampling, i).Prompt), job.Encode(RandomPurpose.Sampling, 0, i).Tokens));
        Assert.Equal(job.StopTokens[0], job.EncodeSupervised(1, 0).Response[^1]);
    }

    [Fact]
    public void The_template_is_copied_with_the_tokenizer()
    {
        File.WriteAllText(Path.Combine(_fixture.Folder, "chat_template.jinja"), "own\r\n");
        string copy = Path.Combine(_fixture.Folder, "copy");
        HuggingFaceTokenizer.Load(_fixture.Folder).CopyTo(copy);
        Assert.Equal("own\r\n", File.ReadAllText(Path.Combine(copy, "chat_template.jinja")));
    }

    private void Configure(string? template) => File.WriteAllText(Path.Combine(_fixture.Folder, "tokenizer_config.json"), new JsonObject { ["eos_token"] = "<end>", ["chat_template"] = template }.ToJsonString());

    private JobSpec Job(ChatMode mode, string options = "{}", bool supervised = false)
    {
        var job = TinyJobs.Arithmetic(warmStartSteps: 0);
        return job with
        {
            Model = new ModelSpec { Path = _fixture.Folder },
            Data = new DataSpec { Train = new DataSourceSpec { Path = Path.Combine(_fixture.Folder, "train.jsonl") }, Chat = mode, ChatOptions = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(options)! },
            WarmStart = supervised ? new SupervisedSpec { Steps = 1, BatchSize = 1, Data = new DataSourceSpec { Path = Path.Combine(_fixture.Folder, "train.jsonl") } } : null,
        };
    }

    private PreparedJob Prepare(ChatMode mode, string options = "{}", bool supervised = false) => PreparedJob.Prepare(Job(mode, options, supervised), _fixture.Folder);

    private static string Prompt(PreparedJob job) => job.Tokenizer.Decode(job.Encode(RandomPurpose.Sampling, 0, 0).Tokens);
}
