namespace Ctwa.Training.Datasets;

/// <summary>
/// How a solution is written. Styles differ in what the three objectives see: whether the answer is right, how long it
/// is, and whether it shows numbered steps (a response counts as clear from two numbered lines on, with a boxed answer).
/// </summary>
internal enum ArithmeticStyle
{
    /// <summary>Right, long, no numbering: <c>well ok 5+2=7 so hmm 7*7=9 …</c>. Accurate, neither concise nor clear.</summary>
    Ramble,

    /// <summary>Two empty numbered lines and the value after the first operation in the box. Concise and clear, never right.</summary>
    FormatOnly,

    /// <summary>Right, numbered, with filler words. Accurate and clear, not concise.</summary>
    NumberedLong,

    /// <summary>Right, numbered, one equation a line. Accurate and clear, about mean length.</summary>
    NumberedCompact,

    /// <summary>Only a box with the value after the first operation. Concise, neither right nor clear.</summary>
    BareBox,

    /// <summary><see cref="NumberedCompact"/> that stops one or two steps early and boxes the value reached. Concise and clear, never right.</summary>
    StopsEarly,

    /// <summary>Right, one unnumbered line without filler words. Shown by the curriculum only.</summary>
    ShortRamble,
}
