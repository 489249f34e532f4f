using TorchSharp;

namespace Ctwa.Training.Native;

/// <summary>
/// Numbers as arguments of libtorch calls. TorchSharp 0.107 hands a <see cref="Scalar"/>'s native pointer over without
/// keeping the object alive: a garbage collection on another thread may free it during the call, and libtorch then reads
/// freed memory (measured: 9 to 55 exceptions per million calls while collections run, and nothing rules out wrong
/// numbers). The scalars made here stay referenced until 64 more have been made on the same thread, long after the call.
/// The implicit conversions, and the members of Tensor that make scalars inside, are banned in BannedSymbols.txt.
/// </summary>
internal static class Scalars
{
    private const int Kept = 64;

    [ThreadStatic]
    private static Scalar[]? s_recent;

    [ThreadStatic]
    private static int s_next;

    /// <summary>1: the factor that <c>add</c> applies to its second argument.</summary>
    public static Scalar One { get; } = Make(1L);

    /// <summary>A scalar that outlives the call it is an argument of.</summary>
    public static Scalar Of(double value) => Keep(Make(value));

    /// <inheritdoc cref="Of(double)"/>
    public static Scalar Of(long value) => Keep(Make(value));

    /// <inheritdoc cref="Of(double)"/>
    public static Scalar Of(int value) => Of((long)value);

    /// <summary>left + right.</summary>
    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, One);

    /// <summary>left + right.</summary>
    public static Tensor Plus(this Tensor left, double right) => left.add(Of(right), One);

    /// <summary>left × right.</summary>
    public static Tensor Times(this Tensor left, double right) => left.mul(Of(right));

    /// <summary>left ÷ right.</summary>
    public static Tensor DividedBy(this Tensor left, double right) => left.div(Of(right));

    /// <summary>left += right.</summary>
    public static Tensor PlusInPlace(this Tensor left, Tensor right) => left.add_(right, One);

    /// <summary>left += right.</summary>
    public static Tensor PlusInPlace(this Tensor left, double right) => left.add_(Of(right), One);

    private static Scalar Keep(Scalar scalar)
    {
        var recent = s_recent ??= new Scalar[Kept];
        recent[s_next = (s_next + 1) % Kept] = scalar;
        return scalar;
    }

#pragma warning disable RS0030 // The one place that converts: what is made here is kept by the caller.
    private static Scalar Make(double value) => value;

    private static Scalar Make(long value) => value;
#pragma warning restore RS0030
}
