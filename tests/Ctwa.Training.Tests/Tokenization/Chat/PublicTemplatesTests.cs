using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization.Chat;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization.Chat;

/// <summary>Templates in the style of public models, with texts derived by hand.</summary>
public sealed class PublicTemplatesTests
{
    private const string Llama3 = "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}"
        + "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

    private const string Qwen25Math = """
        {%- if messages[0]['role'] == 'system' %}
            {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
        {%- else %}
            {{- '<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n' }}
        {%- endif %}
        {%- for message in messages %}
            {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
                {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\n' }}
        {%- endif %}
        """;

    private const string Strict = """
        {{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}
        {% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}
        """;

    private static readonly ChatMessage[] Dialogue = [new("system", " Be brief. "), new("user", "2+2?\n"), new("assistant", "4"), new("user", "Sure?")];

    private static readonly Dictionary<string, string> LlamaTokens = new() { ["bos_token"] = "<|begin_of_text|>", ["eos_token"] = "<|eot_id|>" };

    [Fact]
    public void Llama_3() => Assert.Equal(
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n4<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nSure?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ChatTemplate.Parse(Llama3, specialTokens: LlamaTokens).Render(Dialogue, addGenerationPrompt: true));

    [Fact]
    public void Llama_3_2_without_a_clock_has_a_fixed_date()
    {
        var template = Llama32();
        const string rest = "\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n4<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nSure?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
        const string head = "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: ";

        Assert.Equal(head + "26 Jul 2024" + rest, template.Render(Dialogue, true));
        Assert.Equal(head + "05 Mar 2025" + rest, template.Render(Dialogue, true, new ChatTemplateOptions { Now = new DateTimeOffset(2025, 3, 5, 1, 2, 3, TimeSpan.Zero) }));
        Assert.Equal(head + "1 Jan 1970" + rest, template.Render(Dialogue, true, new ChatTemplateOptions { Variables = Variables("""{"date_string": "1 Jan 1970"}""") }));
    }

    [Fact]
    public void Llama_3_2_with_tools_calls_and_results()
    {
        var messages = Json("""[{"role": "user", "content": "Weather?"}, {"role": "assistant", "tool_calls": [{"function": {"name": "w", "arguments": {"place": "K\u00f6ln", "days": 1.0}}}]}, {"role": "tool", "content": {"t": [1, null]}}]""");
        string text = Llama32().Render(messages, false, new ChatTemplateOptions { Tools = Json("""[{"name": "w", "parameters": {}}]""") });

        Assert.Equal(
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nEnvironment: ipython\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
            + "Given the following functions, please respond with a JSON for a function call with its proper arguments that best answers the given prompt.\n\n"
            + "{\n    \"name\": \"w\",\n    \"parameters\": {}\n}\n\nWeather?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{\"name\": \"w\", \"parameters\": {\"place\": \"K\u00f6ln\", \"days\": 1.0}}<|eot_id|>"
            + "<|start_header_id|>ipython<|end_header_id|>\n\n{\"t\": [1, null]}<|eot_id|>",
            text);
    }

    [Fact]
    public void Qwen2_5_Math_has_its_own_default_system_message()
    {
        var template = ChatTemplate.Parse(Qwen25Math);

        Assert.Equal(
            "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n",
            template.Render([new ChatMessage("user", "Q")], addGenerationPrompt: true));
        Assert.Equal("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n", template.Render([new("system", "S"), new("user", "Q")], addGenerationPrompt: false));
    }

    [Fact]
    public void What_a_template_refuses_is_an_error_with_its_words_and_place()
    {
        var template = ChatTemplate.Parse(Strict, "strict.jinja", new Dictionary<string, string> { ["bos_token"] = "<s>", ["eos_token"] = "</s>" });

        Assert.Equal("<s>[INST] a [/INST]b</s>[INST] c [/INST]", template.Render([new("user", "a"), new("assistant", "b"), new("user", "c")], false));
        var error = Assert.Throws<ChatTemplateException>(() => template.Render([new("user", "a"), new("user", "b")], false));
        Assert.StartsWith("strict.jinja(1,", error.Message, StringComparison.Ordinal);
        Assert.Contains("Conversation roles must alternate", error.Message, StringComparison.Ordinal);
    }

    private static ChatTemplate Llama32() => ChatTemplate.Parse(File.ReadAllText(Path.Combine(Checkout.Root, "tests", "Ctwa.Training.Tests", "Tokenization", "Chat", "llama3.2.jinja")), specialTokens: LlamaTokens);

    private static JsonElement Json(string text) => JsonSerializer.Deserialize<JsonElement>(text);

    private static Dictionary<string, JsonElement> Variables(string text) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(text)!;
}
