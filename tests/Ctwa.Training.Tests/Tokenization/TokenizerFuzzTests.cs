using System.Text;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization;
using Ctwa.Training.Tokenization.Chat;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

/// <summary>Damaged files of a model folder: an error of a documented type that names the file, or a tokenizer that works; never a crash or a hang.</summary>
public sealed class TokenizerFuzzTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-fuzz-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Ten_thousand_damaged_tokenizers()
    {
        using var fixture = new TokenizerFixture("abĠ\u00C3\u00A9", "a b", "Ġ a", "Ġa b");
        fixture.Add("<end>");
        fixture.Add("<\u00E9>", special: false, normalized: true);
        byte[] whole = Encoding.UTF8.GetBytes(fixture.Json.ToJsonString());
        string path = Path.Combine(_folder, "tokenizer.json");
        int loaded = Mutate(whole, 10_000, 1, path, () =>
        {
            var tokenizer = HuggingFaceTokenizer.Load(path);
            try { tokenizer.Decode(tokenizer.Encode("ab ab<end>\u00E9 <\u00E9>")); }
            catch (UnencodableTextException) { }
        });
        Assert.InRange(loaded, 100, 9_900);
    }

    [Fact]
    public void A_thousand_damaged_copies_of_the_tiny_golden_tokenizers()
    {
        foreach (string file in (string[])["tokenizer.json", "tokenizer_string_merges.json"])
        {
            byte[] whole = File.ReadAllBytes(Path.Combine(GoldenFolder.Require(), "decoder", "tokenizer", "tiny", file));
            string path = Path.Combine(_folder, file);
            Mutate(whole, 500, 2, path, () => HuggingFaceTokenizer.Load(path).Encode("What is 2+2? <|im_end|>"));
        }
    }

    [Fact]
    public void Ten_thousand_damaged_configurations()
    {
        using var fixture = new TokenizerFixture("ab", "a b");
        fixture.Add("<end>");
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), fixture.Json.ToJsonString());
        string path = Path.Combine(_folder, "tokenizer_config.json");
        const string config = """{"bos_token": null, "eos_token": {"content": "<end>"}, "pad_token": "<end>", "chat_template": [{"name": "default", "template": "{% for m in messages %}{{ m.role ~ '\n' + m['content'] | trim }}{% endfor %}"}, {"name": "x", "template": "\u00e9"}]}""";
        int loaded = Mutate(Encoding.UTF8.GetBytes(config), 10_000, 3, path, () =>
        {
            HuggingFaceTokenizer.Load(_folder);
            ChatTemplate.Load(_folder)?.Render([new ChatMessage("user", "a")], true);
        });
        Assert.InRange(loaded, 100, 9_900);
    }

    [Fact]
    public void Twenty_thousand_damaged_templates()
    {
        string path = Path.Combine(_folder, "chat_template.jinja");
        int rendered = 0;
        foreach (var (template, seed) in ((string, int)[])[(Qwen, 4), (Everything, 5)])
        {
            rendered += Mutate(Encoding.UTF8.GetBytes(template), 10_000, seed, path, () => ChatTemplate.Load(_folder)!.Render([new("system", "s"), new("user", "2+2? \U0001D453"), new("assistant", "<think>a</think>4")], true));
        }

        Assert.InRange(rendered, 200, 19_800);
    }

    private const string Qwen = """
        {%- if tools %}{{- tools | tojson }}{%- else %}
            {%- if messages[0]['role'] == 'system' %}
                {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
            {%- endif %}
        {%- endif %}
        {%- set ns = namespace(multi=true, last=messages|length - 1) %}
        {%- for message in messages[::-1] %}
            {%- set index = (messages|length - 1) - loop.index0 %}
            {%- if ns.multi and message.role == "user" and not(message.content.startswith('<t>') and message.content.endswith('</t>')) %}
                {%- set ns.multi = false %}{%- set ns.last = index %}
            {%- endif %}
        {%- endfor %}
        {%- for message in messages %}
            {%- set content = message.content.split('</think>')[-1].lstrip('\n') %}
            {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
        """;

    private const string Everything = """
        {# c #}{% macro m(a, b=[1, 2.5e1, (3,)], c={'k': none}) -%}{{ a ~ b[0] ** 2 // 3 % 2 }}{{ varargs }}{%- endmacro %}{% set x, y = 1, -2 %}
        {% for k, v in {'a': 1, 'b': 2}.items() if v > x recursive %}{{ loop.index }}{{ loop.cycle('a', 'b') }}{% if loop.last %}{% break %}{% else %}{% continue %}{% endif %}{% else %}e{% endfor %}
        {% filter upper | replace('A', 'b') %}{{ m(1, c=range(3) | map('string') | join(',')) }}{% endfilter %}{% set t %}{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list }}{% endset %}
        {% with q = t[1:-1:2] %}{{ q | default('z', true) | indent(2) | tojson(indent=2) }}{% endwith %}{% raw %}{{ x }}{% endraw %}{{ 'a' if x is divisibleby 2 else 'b' if y is not none and 1 < 2 <= 3 else "\u00e9\x41" }}
        {% call(w) m(2) %}{{ w }}{% endcall %}{{ messages | sort(attribute='role', reverse=true) | first | string | length }}{{ '%s %d' % ('a', 3) }}{{ 'a b'.split() | unique | sum(start='') if false }}
        """;

    /// <summary>Loads mutated contents of a file; returns how many loaded.</summary>
    private int Mutate(byte[] whole, int count, int seed, string path, Action load)
    {
        var random = new Sequence((ulong)seed);
        int loaded = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] damaged = Damage(whole, random);
            File.WriteAllBytes(path, damaged);
            try
            {
                load();
                loaded++;
            }
            catch (Exception error) when (error is InvalidDataException or ChatTemplateException)
            {
                Assert.True(error.Message.Contains(_folder, StringComparison.Ordinal), $"mutation {i} is not named: {error.Message}");
            }
            catch (Exception error) { Assert.Fail($"mutation {i}: {error}\n{Encoding.UTF8.GetString(damaged)}"); }
        }

        return loaded;
    }

    /// <summary>One to three changes: a bit, a byte, a piece taken out, doubled, moved or replaced by something that means much.</summary>
    private static byte[] Damage(byte[] whole, Sequence random)
    {
        List<byte> bytes = [.. whole];
        for (int change = random.Next(3); change >= 0 && bytes.Count > 0; change--)
        {
            int at = random.Next(bytes.Count), length = Math.Min(1 + random.Next(1 + random.Next(40)), bytes.Count - at);
            switch (random.Next(7))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 4: bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length)); break;
                case 5: bytes.InsertRange(at, Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)])); break;
                default:
                    bytes.RemoveRange(at, length);
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]));
                    break;
            }
        }

        return [.. bytes];
    }

    private static readonly string[] Words =
    [
        "null", "true", "-1", "1e999", "99999999999999999999", "\"\"", "[]", "{}", "[[[[", "\\ud800", "\\u0000", "\"", ",", ":", "}", "]", "{{", "}}", "{%", "%}", "{#", "-%}", "{%-", "'", "\\", "(", ")", "[", "|", ".", "**", "//", "~", " is ", " in ", " not ",
        " if ", " else ", "{% endif %}", "{% for x in messages %}", "{% endfor %}", "{% set x = x ~ x %}", "loop", "messages", "range(99999)", "ns", "none", "*99999999", "|tojson", "|map(", "9223372036854775807", "-9223372036854775808", "(?:a+)+", "\\\\p{L}", "[^", "\uFEFF", "\u00E9", "\U0001D453",
    ];

    /// <summary>A linear congruential generator: the same mutations everywhere.</summary>
    private sealed class Sequence(ulong seed)
    {
        private ulong _state = (seed * 0x9E3779B97F4A7C15) + 1;

        public int Next(int below)
        {
            _state = (_state * 6364136223846793005) + 1442695040888963407;
            return (int)((_state >> 33) % (ulong)below);
        }
    }
}
