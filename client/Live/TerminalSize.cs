namespace Ctwa.Client.Live;

/// <summary>Columns and rows of the terminal.</summary>
internal readonly record struct TerminalSize(int Columns, int Rows)
{
    /// <summary>A terminal that does not tell.</summary>
    public static TerminalSize Usual { get; } = new(80, 24);

    /// <summary>As it is now.</summary>
    public static TerminalSize Read()
    {
        try
        {
            var size = new TerminalSize(Console.WindowWidth, Console.WindowHeight);
            return size is { Columns: > 0, Rows: > 0 } ? size : Usual;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return Usual;
        }
    }
}
