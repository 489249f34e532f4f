using System.Text.Json;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization.Chat;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization.Chat;

public sealed class ChatTemplateTests : IDisposable
{
    private static readonly ChatMessage[] Hello = [new("user", "Hello")];

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-chat-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_folder_without_a_template_has_none()
    {
        Assert.Null(ChatTemplate.Load(_folder));
        Put("tokenizer_config.json", """{"eos_token": "<e>", "chat_template": null}""");
        Assert.Null(ChatTemplate.Load(_folder));
    }

    [Fact]
    public void A_file_of_its_own_goes_before_the_configuration_and_that_before_the_old_file()
    {
        Put("chat_template.json", """{"chat_template": "old"}""");
        Assert.Equal("old", ChatTemplate.Load(_folder)!.Render(Hello, false));
        Put("tokenizer_config.json", """{"bos_token": {"content": "<b>"}, "eos_token": "<e>", "chat_template": "config {{ bos_token }}{{ eos_token }}{{ pad_token }}"}""");
        Assert.Equal("config <b><e>", ChatTemplate.Load(_folder)!.Render(Hello, false));
        Put("chat_template.jinja", "file {{ bos_token }}\n");
        Assert.Equal("file <b>", ChatTemplate.Load(_folder)!.Render(Hello, false));
    }

    [Fact]
    public void Of_several_templates_the_default_is_taken_and_with_tools_the_one_for_tools()
    {
        Put("tokenizer_config.json", """{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t{{ tools|length }}"}, {"name": "rag", "template": "{% include 'x' %}"}]}""");
        var template = ChatTemplate.Load(_folder)!;
        Assert.Equal("d", template.Render(Hello, false));
        Assert.Equal("t1", template.Render(Hello, false, new ChatTemplateOptions { Tools = JsonSerializer.Deserialize<JsonElement>("[{}]") }));

        Put("tokenizer_config.json", """{"chat_template": [{"name": "a", "template": "a"}, {"name": "b", "template": "b"}]}""");
        Assert.Contains("none is called 'default'", Assert.Throws<ChatTemplateException>(() => ChatTemplate.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{", "cannot be read")]
    [InlineData("tokenizer_config.json", "[]", "holds no JSON object")]
    [InlineData("tokenizer_config.json", """{"chat_template": 3}""", "chat_template is Number")]
    [InlineData("tokenizer_config.json", """{"chat_template": ["x"]}""", "with an entry that is not")]
    [InlineData("tokenizer_config.json", """{"bos_token": 3}""", "bos_token is neither a token nor null")]
    [InlineData("tokenizer_config.json", """{"chat_template": "a\ud800"}""", "cannot be read")]
    public void A_damaged_file_is_one_clear_error(string file, string content, string named)
    {
        Put(file, content);
        var error = Assert.Throws<InvalidDataException>(() => ChatTemplate.Load(_folder));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(Path.Combine(_folder, file), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\n  {% include 'x' %}", 2, 6, "the statement 'include' is not supported")]
    [InlineData("{% for x in y %}\n\n{{ x }", 3, 6, "'}' has nothing to close")]
    [InlineData("\n{% if a %}{{ x ", 2, 11, "'{{' has no '}}'")]
    [InlineData("{% if a %}\r\n{% elif %}", 2, 9, "is unexpected; expected is an expression")]
    [InlineData("\n{{ a | nofilter }}", 2, 8, "there is no filter 'nofilter'")]
    [InlineData("{{ 'é' }}{{ a.b }}", 1, 14, "'a' is undefined, so it has no 'b'")]
    public void An_error_names_file_line_and_column(string template, int line, int column, string named)
    {
        Put("chat_template.jinja", template);
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Load(_folder)!.Render(Hello, false));
        Assert.Equal((line, column), (error.Line, error.Column));
        Assert.StartsWith($"{Path.Combine(_folder, "chat_template.jinja")}({line},{column}): ", error.Message, StringComparison.Ordinal);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{% set ns = namespace(s='aaaaaaaaaa') %}{% for a in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "steps")]
    [InlineData("{{ 'a' * 1000000000 }}", "repeated")]
    [InlineData("{{ 'abcdefgh' * 1000000 }}{{ 'abcdefgh' * 1000000 }}{{ 'abcdefgh' * 1000000 }}", "steps")]
    [InlineData("{% set ns = namespace(l=[1, 1]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", "longer than")]
    [InlineData("{% set ns = namespace(l=[1, 1]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson|length }}", "longer than")]
    [InlineData("{% set a = namespace(l=[1, 1]) %}{% set b = namespace(l=[1, 1]) %}{% for i in range(60) %}{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}", "cannot be compared")]
    [InlineData("{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}", "nested more than")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested more than")]
    [InlineData("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", "nested more than")]
    public void A_template_that_does_not_end_or_makes_too_much_is_an_error(string template, string named)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template).Render([], false));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("-", "")]
    [InlineData("not ", "")]
    [InlineData("{1:", "}")]
    [InlineData("1 if 1 else ", "")]
    [InlineData("f(", ")")]
    public void Deep_nesting_is_an_error_not_a_crash(string open, string close)
    {
        foreach (int depth in (int[])[20, 150, 100_000])
        {
            string template = "{{ " + string.Concat(Enumerable.Repeat(open, depth)) + "1" + string.Concat(Enumerable.Repeat(close, depth)) + " }}";
            if (depth < 50 && open is not ("f(" or "{1:")) { ChatTemplate.Parse(template).Render([], false); }
            else if (depth > 100) { Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template).Render([], false)); }
        }
    }

    [Theory]
    [InlineData("+ 1")]
    [InlineData("|string")]
    [InlineData(".a")]
    [InlineData(" is defined and 1")]
    public void Long_chains_are_an_error_not_a_crash(string link)
    {
        string template = "{{ 1" + string.Concat(Enumerable.Repeat(link, 100_000)) + " }}";
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template).Render([], false));
    }

    [Fact]
    public void Threads_share_a_template()
    {
        var template = ChatTemplate.Parse("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ m.content }}{% endfor %}{{ ns.n }}");
        string[] texts = [.. Enumerable.Range(0, 200).AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(i => template.Render([new("user", $"a{i}"), new("user", "b")], false))];
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"a{i}b2"), texts);
    }

    [Fact]
    public void A_conversation_that_is_no_list_of_objects_is_refused()
    {
        foreach (string json in (string[])["{}", "[1]", "\"x\"", "null"])
        {
            Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse("x").Render(JsonSerializer.Deserialize<JsonElement>(json), false));
        }
    }

    private void Put(string name, string content) => File.WriteAllText(Path.Combine(_folder, name), content);
}
