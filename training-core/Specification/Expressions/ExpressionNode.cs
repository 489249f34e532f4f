namespace Ctwa.Training.Specification;

/// <summary>A part of a formula. Truth is 1, falsehood 0; every number but 0 is true.</summary>
internal abstract record ExpressionNode
{
    public abstract double Evaluate(ExpressionFeatures features);
}

internal sealed record NumberNode(double Value) : ExpressionNode
{
    public override double Evaluate(ExpressionFeatures features) => Value;
}

internal sealed record FeatureNode(Func<ExpressionFeatures, double> Value) : ExpressionNode
{
    public override double Evaluate(ExpressionFeatures features) => Value(features);
}

internal sealed record CallNode(Func<double[], double> Function, ExpressionNode[] Arguments) : ExpressionNode
{
    public override double Evaluate(ExpressionFeatures features)
    {
        double[] values = new double[Arguments.Length];
        for (int i = 0; i < values.Length; i++) { values[i] = Arguments[i].Evaluate(features); }
        return Function(values);
    }
}

/// <summary>Only the chosen branch is computed: <c>if tokens > 0 then 1 / tokens else 0</c> never divides by zero.</summary>
internal sealed record ConditionNode(ExpressionNode Condition, ExpressionNode Then, ExpressionNode Else) : ExpressionNode
{
    public override double Evaluate(ExpressionFeatures features) => Condition.Evaluate(features) != 0 ? Then.Evaluate(features) : Else.Evaluate(features);
}

internal sealed record AndNode(ExpressionNode Left, ExpressionNode Right) : ExpressionNode
{
    public override double Evaluate(ExpressionFeatures features) => Left.Evaluate(features) != 0 && Right.Evaluate(features) != 0 ? 1 : 0;
}

internal sealed record OrNode(ExpressionNode Left, ExpressionNode Right) : ExpressionNode
{
    public override double Evaluate(ExpressionFeatures features) => Left.Evaluate(features) != 0 || Right.Evaluate(features) != 0 ? 1 : 0;
}
