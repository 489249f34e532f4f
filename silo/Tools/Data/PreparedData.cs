namespace Ctwa.Silo.Tools.Data;

/// <summary>What the user asked <c>ctwa data prepare</c> for.</summary>
/// <param name="From">File or folder as downloaded.</param>
/// <param name="Out">Folder to fill.</param>
/// <param name="Seed">Seed of the split.</param>
/// <param name="Instruction">Text after each problem; empty: none.</param>
/// <param name="Format">jsonl or parquet.</param>
/// <param name="Force">Overwrite.</param>
internal sealed record PrepareOptions(string From, string Out, long Seed, string Instruction, string Format, bool Force);

/// <summary>One row of a prepared file.</summary>
/// <param name="Prompt">Problem and instruction.</param>
/// <param name="Answer">Ground truth.</param>
/// <param name="SourceFile">Name of the file it came from.</param>
/// <param name="SourceRow">Line or row there, from 1.</param>
internal sealed record PreparedRow(string Prompt, string Answer, string SourceFile, long SourceRow);

/// <summary>A data set ready to be written.</summary>
/// <param name="Name">Name of the data set.</param>
/// <param name="Split">How it was divided, for the manifest.</param>
/// <param name="Sources">The files read.</param>
/// <param name="Parts">File name without extension, and its rows.</param>
/// <param name="Notes">Lines for the user.</param>
/// <param name="Reward">A reward that understands the answers and the instruction.</param>
internal sealed record PreparedData(string Name, string Split, IReadOnlyList<string> Sources, IReadOnlyList<(string Name, IReadOnlyList<PreparedRow> Rows)> Parts, IReadOnlyList<string> Notes, string Reward);
