namespace Ctwa.Training.Steps;

/// <summary>A loss, gradient or weight is not finite: going on would destroy the run.</summary>
public sealed class NumericFailureException : Exception
{
    public NumericFailureException() { }
    public NumericFailureException(string message) : base(message) { }
    public NumericFailureException(string message, Exception inner) : base(message, inner) { }
}
