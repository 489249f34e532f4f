using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Ctwa.Grains.Tests.Documentation;

/// <summary>Doc comments of some assemblies as Markdown.</summary>
internal sealed partial class DocumentationText
{
    private readonly Dictionary<string, XElement> _members = new(StringComparer.Ordinal);

    /// <exception cref="FileNotFoundException">The compiler wrote no comments of one of them.</exception>
    public DocumentationText(IEnumerable<Assembly> assemblies)
    {
        foreach (var assembly in assemblies)
        {
            string file = Path.ChangeExtension(assembly.Location, ".xml");
            if (!File.Exists(file)) { throw new FileNotFoundException($"{file} is missing: the project of {assembly.GetName().Name} must set GenerateDocumentationFile."); }
            foreach (var member in XDocument.Load(file, LoadOptions.PreserveWhitespace).Descendants("member")) { _members[(string)member.Attribute("name")!] = member; }
        }
    }

    /// <summary>The summary, on one line; empty if there is none.</summary>
    public string Summary(MemberInfo member) => Line(Find(member)?.Element("summary"));

    /// <summary>What is said of a parameter, on one line; empty if nothing is.</summary>
    public string Parameter(MemberInfo member, string name) => Line(Find(member)?.Elements("param").FirstOrDefault(parameter => (string?)parameter.Attribute("name") == name));

    /// <summary>What a call returns.</summary>
    public string Returns(MemberInfo member) => Line(Find(member)?.Element("returns"));

    /// <summary>Exceptions with their causes.</summary>
    public IEnumerable<string> Exceptions(MemberInfo member) =>
        Find(member)?.Elements("exception").Select(exception => $"`{Short((string?)exception.Attribute("cref") ?? "")}`: {Line(exception)}") ?? [];

    private XElement? Find(MemberInfo member)
    {
        var comment = _members.GetValueOrDefault(DocumentationIds.Of(Definition(member)));
        return comment?.Element("inheritdoc") is { } inherited ? Inherited(member, inherited) ?? comment : comment;
    }

    private XElement? Inherited(MemberInfo member, XElement inherited)
    {
        if ((string?)inherited.Attribute("cref") is { } named) { return _members.GetValueOrDefault(named); }
        if (member.DeclaringType is not { } type) { return null; }
        IEnumerable<Type> sources = type.BaseType is { } parent ? [.. type.GetInterfaces(), parent] : type.GetInterfaces();
        string signature = member.ToString()!;
        return sources.SelectMany(source => source.GetMember(member.Name)).Where(other => other.ToString() == signature).Select(other => _members.GetValueOrDefault(DocumentationIds.Of(Definition(other)))).FirstOrDefault(found => found is not null);
    }

    /// <summary>Comments belong to the generic definition.</summary>
    private static MemberInfo Definition(MemberInfo member) => member.DeclaringType is { IsConstructedGenericType: true } type
        ? type.GetGenericTypeDefinition().GetMember(member.Name, BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static).FirstOrDefault(other => other.MetadataToken == member.MetadataToken) ?? member
        : member;

    private static string Line(XElement? element) => element is null ? "" : Spaces().Replace(string.Concat(element.Nodes().Select(Markdown)), " ").Trim().Replace("|", "\\|", StringComparison.Ordinal);

    private static string Markdown(XNode node) => node switch
    {
        XText text => text.Value.Replace("<", "&lt;", StringComparison.Ordinal),
        XElement { Name.LocalName: "c" or "code" } code => $"`{Spaces().Replace(code.Value, " ").Trim()}`",
        XElement { Name.LocalName: "see" or "seealso" } see => $"`{(string?)see.Attribute("langword") ?? Short((string?)see.Attribute("cref") ?? (string?)see.Attribute("href") ?? see.Value)}`",
        XElement { Name.LocalName: "paramref" or "typeparamref" } reference => $"`{(string?)reference.Attribute("name")}`",
        XElement { Name.LocalName: "para" or "list" or "item" or "description" or "term" } block => " " + string.Concat(block.Nodes().Select(Markdown)) + " ",
        XElement other => string.Concat(other.Nodes().Select(Markdown)),
        _ => "",
    };

    /// <summary><c>M:A.B.C.Do(System.Int32)</c> as <c>C.Do</c>, a type as its name.</summary>
    private static string Short(string cref)
    {
        if (cref.Length < 2 || cref[1] != ':') { return cref; }
        string name = Arity().Replace(cref[2..].Split('(')[0], "");
        string[] parts = name.Split('.');
        return cref[0] is 'T' or '!' ? parts[^1] : string.Join('.', parts.TakeLast(2)).Replace("#ctor", "new", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex("`+[0-9]+")]
    private static partial Regex Arity();
}
