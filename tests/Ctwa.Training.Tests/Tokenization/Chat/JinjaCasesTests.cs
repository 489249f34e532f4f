using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Tokenization.Chat;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization.Chat;

/// <summary>Small templates with what Jinja itself makes of them; jinja-cases.py beside this file writes them.</summary>
public sealed class JinjaCasesTests
{
    private static readonly string Folder = Path.Combine(Checkout.Root, "tests", "Ctwa.Training.Tests", "Tokenization", "Chat");

    [Fact]
    public void Templates_give_the_texts_that_Jinja_gives()
    {
        var (options, cases) = Read();
        Assert.True(cases.Count(c => c.Text is not null) > 300);
        Assert.All(cases.Where(c => c.Text is not null), c => Assert.Equal(c.Text, ChatTemplate.Parse(c.Template).Render([], false, options)));
    }

    [Fact]
    public void Templates_that_Jinja_refuses_are_errors_with_a_place()
    {
        var (options, cases) = Read();
        Assert.All(cases.Where(c => c.Text is null), c =>
        {
            var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(c.Template, "t.jinja").Render([], false, options));
            Assert.StartsWith($"t.jinja({error.Line},{error.Column}): ", error.Message, StringComparison.Ordinal);
            Assert.InRange(error.Column, 1, c.Template.Length + 1);
        });
    }

    private static (ChatTemplateOptions Options, List<(string Template, string? Text)> Cases) Read()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "jinja-cases.json")));
        var variables = document.RootElement.GetProperty("variables").EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value.Clone());
        return (new ChatTemplateOptions { Variables = variables }, [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(c => (c.GetProperty("template").GetString()!, c.GetProperty("text").GetString()))]);
    }
}
