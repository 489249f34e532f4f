using System.Globalization;
using System.Text;

namespace Ctwa.Training.Datasets;

/// <summary>An operation of a chain: <c>+1</c>..<c>+4</c>, <c>*3</c> or <c>*7</c>, modulo 10. With ten left operands that makes 60 facts to learn.</summary>
/// <param name="Sign"><c>+</c> or <c>*</c>.</param>
/// <param name="Operand">Right operand, one digit.</param>
internal readonly record struct ArithmeticOperation(char Sign, int Operand)
{
    /// <summary>All operations. Their order is part of the numbering of problems: append only.</summary>
    public static ReadOnlySpan<ArithmeticOperation> All => s_all;

    // 3 and 7 are units modulo 10: a product keeps all ten values apart, so no answer becomes likelier than others.
    private static readonly ArithmeticOperation[] s_all = [new('+', 1), new('+', 2), new('+', 3), new('+', 4), new('*', 3), new('*', 7)];

    public int Apply(int value) => (Sign == '+' ? value + Operand : value * Operand) % 10;
}

/// <summary>
/// A chain of small arithmetic, evaluated from left to right modulo 10: <c>5+2*7*3+4=?</c> has the values 5, 7, 9, 7, 1.
/// </summary>
internal sealed class ArithmeticProblem
{
    private readonly ArithmeticOperation[] _operations;
    private readonly int[] _values;

    private ArithmeticProblem(int first, ArithmeticOperation[] operations)
    {
        _operations = operations;
        _values = new int[operations.Length + 1];
        _values[0] = first;
        for (int i = 0; i < operations.Length; i++) { _values[i + 1] = operations[i].Apply(_values[i]); }
    }

    /// <summary>The operations, one fewer than the terms.</summary>
    public IReadOnlyList<ArithmeticOperation> Operations => _operations;

    /// <summary>The first term and the value after each operation.</summary>
    public IReadOnlyList<int> Values => _values;

    /// <summary>The last value.</summary>
    public int Answer => _values[^1];

    /// <summary>
    /// Whether a value on the way equals the answer. Such a problem rewards giving up early (one guess in ten is right by
    /// luck), which keeps accuracy's covariance positive while nothing is learned; the task leaves it out.
    /// </summary>
    public bool AnswerAppearsEarly => _values.AsSpan(0, _values.Length - 1).Contains(Answer);

    /// <summary>The prompt, its line end included.</summary>
    public string Prompt
    {
        get
        {
            var text = new StringBuilder();
            text.Append((char)('0' + _values[0]));
            foreach (var operation in _operations) { text.Append(operation.Sign).Append((char)('0' + operation.Operand)); }
            return text.Append("=?\n").ToString();
        }
    }

    /// <summary>The answer as the rewards compare it.</summary>
    public string GroundTruth => Answer.ToString(CultureInfo.InvariantCulture);

    /// <summary>Step <paramref name="index"/> written out: <c>5+2=7</c>.</summary>
    public string Equation(int index) =>
        string.Create(CultureInfo.InvariantCulture, $"{_values[index]}{_operations[index].Sign}{_operations[index].Operand}={_values[index + 1]}");

    /// <summary>How many chains have so many terms, those left out by <see cref="AnswerAppearsEarly"/> included.</summary>
    public static long CodeCount(int terms)
    {
        long count = 10;
        for (int i = 1; i < terms; i++) { count *= ArithmeticOperation.All.Length; }
        return count;
    }

    /// <summary>The chain with this number in [0, <see cref="CodeCount"/>): the first term, then one base-6 digit per operation.</summary>
    public static ArithmeticProblem FromCode(int terms, long code)
    {
        var (rest, first) = Math.DivRem(code, 10);
        var operations = new ArithmeticOperation[terms - 1];
        for (int i = 0; i < operations.Length; i++)
        {
            (rest, long digit) = Math.DivRem(rest, ArithmeticOperation.All.Length);
            operations[i] = ArithmeticOperation.All[(int)digit];
        }

        return new ArithmeticProblem((int)first, operations);
    }
}
