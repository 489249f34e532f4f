using System.CommandLine;

namespace Ctwa.Client.Commands;

/// <summary><c>--json</c>, alike in every reading command: one document on standard output; errors stay text on the error stream, with the same exit codes.</summary>
internal static class JsonOption
{
    public const string Name = "--json";

    /// <param name="description">What it prints, where that is not one document.</param>
    public static Option<bool> Create(string description = "Print one JSON document. Errors stay text on the error stream.") => new(Name) { Description = description };
}
