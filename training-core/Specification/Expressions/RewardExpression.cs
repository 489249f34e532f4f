namespace Ctwa.Training.Specification;

/// <summary>A formula over a completion: the text of <c>kind: expression</c>. Bounded in length, parts and depth; it can neither loop nor call out.</summary>
public sealed class RewardExpression
{
    /// <summary>Longest formula in characters.</summary>
    public const int MaxLength = 2000;

    private readonly ExpressionNode _root;

    private RewardExpression(ExpressionNode root) => _root = root;

    /// <summary>Reads a formula.</summary>
    /// <exception cref="FormatException">It is none; the message names the column, from 1.</exception>
    public static RewardExpression Parse(string text) => new(new ExpressionParser(text).Parse());

    /// <summary>Null if the text is a formula, else what is wrong with it and at which column.</summary>
    public static string? Error(string text)
    {
        try
        {
            _ = Parse(text);
            return null;
        }
        catch (FormatException error)
        {
            return error.Message;
        }
    }

    /// <summary>The formula's value; NaN or infinite where its arithmetic is, such as log(0).</summary>
    public double Evaluate(ExpressionFeatures features) => _root.Evaluate(features);
}
