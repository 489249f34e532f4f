using Ctwa.Client.Live;
using Xunit;

namespace Ctwa.Client.Tests.Live;

public sealed class LiveScreenTests
{
    private readonly FakeTerminal terminal = new(40);

    [Fact]
    public void A_picture_replaces_the_one_before_and_messages_stay_above()
    {
        var screen = new LiveScreen(terminal, color: true, "…");
        screen.Draw(Lines("one", "two", "three"), 40);
        screen.Draw(Lines("1", "2"), 40, new StyledLine("warning: a message that is much longer than the terminal is wide", LiveStyle.Notice));
        screen.Draw(Lines("last"), 40);
        Assert.Equal(["warning: a message that is much longer than the terminal is wide", "last"], terminal.Lines);
    }

    [Fact]
    public void A_terminal_that_becomes_narrower_or_wider_is_left_without_remains()
    {
        var screen = new LiveScreen(terminal, color: false, "…");
        string wide = new('x', 39);
        screen.Draw(Lines(wide, "short", wide), 40);
        foreach (int columns in (int[])[17, 12, 80, 5, 40])
        {
            terminal.Columns = columns;
            screen.Draw(Lines(FormattableString.Invariant($"{columns} {wide}"), "end"), columns);
            Assert.Equal(2, terminal.Lines.Length);
            Assert.True(terminal.Lines[0].Length < columns, terminal.Lines[0]);
        }
    }

    [Fact]
    public void What_did_not_change_is_not_sent_again()
    {
        var screen = new LiveScreen(terminal, color: true, "…");
        screen.Draw(Lines("same"), 40);
        int sent = terminal.Sent;
        screen.Draw(Lines("same"), 40);
        Assert.Equal(sent, terminal.Sent);
    }

    [Fact]
    public void Texts_of_others_cannot_reach_the_terminal()
    {
        var screen = new LiveScreen(terminal, color: false, "…");
        screen.Draw([new StyledLine("name\e[2J\r\n\a‮")], 40, new StyledLine("note\e]0;title\a"));
        Assert.Equal(["note?]0;title?", "name?[2J????"], terminal.Lines);
    }

    [Theory]
    [InlineData("abcdef", 6, "abcdef")]
    [InlineData("abcdef", 5, "abcd…")]
    [InlineData("数学数学", 5, "数学…")]
    [InlineData("e\u0301e\u0301", 2, "e\u0301e\u0301")]
    public void A_line_is_cut_by_columns_not_by_characters(string text, int columns, string shown) => Assert.Equal(shown, new StyledLine(text).Render(columns, color: false, "…"));

    private static StyledLine[] Lines(params string[] texts) => [.. texts.Select(text => new StyledLine(text))];
}
