using System.Globalization;

namespace Ctwa.Training.Specification;

/// <summary>Something wrong with a job, without a position in a file.</summary>
/// <param name="Path">Dotted path such as <c>objectives[1].weight</c>; empty: the job as a whole.</param>
/// <param name="Message">What, the value, what is accepted, what to do.</param>
public sealed record JobFinding(string Path, string Message);

/// <summary>Something wrong with a job file, where it is written.</summary>
/// <param name="Source">The file's name, or <c>--set TEXT</c>.</param>
/// <param name="Line">Line from 1; 0: not in a line of a file.</param>
/// <param name="Column">Column from 1.</param>
/// <param name="Path">Dotted path such as <c>objectives[1].weight</c>; empty: the file as a whole.</param>
/// <param name="Message">What, the value, what is accepted, what to do.</param>
public sealed record JobError(string Source, int Line, int Column, string Path, string Message)
{
    /// <summary><c>file(line,column): path: message</c>, the form that editors and build tools recognise.</summary>
    public override string ToString() =>
        Source + (Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"({Line},{Column}): ") : ": ") + (Path.Length > 0 ? $"{Path}: " : "") + Message;
}
