namespace Ctwa.Deploy.Tests.Mutations;

/// <summary>A mistake that somebody could make in the manifests.</summary>
/// <param name="Mistake">In words; the name of the test.</param>
/// <param name="Rule">Who must catch it.</param>
/// <param name="Folder">Rendered folder that it is made in.</param>
/// <param name="Kind">Kind of the object.</param>
/// <param name="Name">Its name, or the beginning of it where a hash follows.</param>
/// <param name="Old">Text that is there.</param>
/// <param name="New">What takes the place of its first occurrence.</param>
internal sealed record Mutation(string Mistake, string Rule, string Folder, string Kind, string Name, string Old, string New)
{
    private const string Divider = "\n---\n";

    /// <exception cref="InvalidOperationException">The text is not there: the mutation is out of date and would test nothing.</exception>
    public string Apply(string rendered)
    {
        string[] documents = ("\n" + rendered).Split(Divider);
        int at = Array.FindIndex(documents, document => document.Contains($"\nkind: {Kind}\n", StringComparison.Ordinal) && NameIn(document).StartsWith(Name, StringComparison.Ordinal));
        if (at < 0) { throw new InvalidOperationException($"{Mistake}: {Folder} has no {Kind} {Name}."); }
        int place = documents[at].IndexOf(Old, StringComparison.Ordinal);
        if (place < 0) { throw new InvalidOperationException($"{Mistake}: {Kind} {Name} has no '{Old}':\n{documents[at]}"); }
        documents[at] = documents[at][..place] + New + documents[at][(place + Old.Length)..];
        return string.Join(Divider, documents.Where(document => document.Trim().Length > 0))[1..];
    }

    public override string ToString() => Mistake;

    private static string NameIn(string document)
    {
        const string key = "\n  name: ";
        int at = document.IndexOf(key, document.IndexOf("\nmetadata:", StringComparison.Ordinal), StringComparison.Ordinal) + key.Length;
        int end = document.IndexOf('\n', at);
        return end < 0 ? document[at..] : document[at..end];
    }
}
