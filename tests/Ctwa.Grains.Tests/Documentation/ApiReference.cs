using System.CodeDom.Compiler;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Ctwa.Grains.Tests.Documentation;

/// <summary>The API reference: one page per namespace, made of declarations and doc comments.</summary>
/// <param name="assemblies">Whose public types are described.</param>
internal sealed class ApiReference(IReadOnlyList<Assembly> assemblies)
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private readonly DocumentationText _text = new(assemblies);
    private readonly Signatures _signatures = new();

    /// <summary>Public types, without what generators made.</summary>
    public IReadOnlyList<Type> Types { get; } =
    [
        .. assemblies.SelectMany(assembly => assembly.GetExportedTypes())
            .Where(type => type.Namespace?.StartsWith("Ctwa.", StringComparison.Ordinal) == true && !IsGenerated(type))
            .OrderBy(type => type.Namespace, StringComparer.Ordinal).ThenBy(Signatures.Name, StringComparer.Ordinal),
    ];

    /// <summary>The summary of a type or member; empty if nobody wrote one.</summary>
    public string Summary(MemberInfo member) => _text.Summary(member);

    /// <summary>Pages by file name.</summary>
    public SortedDictionary<string, string> Pages()
    {
        var pages = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var index = new StringBuilder("# API reference\n\nPublic types of the libraries, from their doc comments. Written by a test; see [../README.md](../README.md#writing-documentation).\n");
        foreach (var space in Types.GroupBy(type => type.Namespace!))
        {
            string assembly = string.Join(", ", space.Select(type => type.Assembly.GetName().Name).Distinct());
            index.Append(CultureInfo.InvariantCulture, $"\n## [{space.Key}]({space.Key}.md)\n\n| type | |\n|---|---|\n");
            var page = new StringBuilder().Append(CultureInfo.InvariantCulture, $"# {space.Key}\n\nAssembly {assembly}. [All namespaces](README.md).\n");
            foreach (var type in space)
            {
                string name = Signatures.Name(type);
                index.Append(CultureInfo.InvariantCulture, $"| [`{name}`]({space.Key}.md#{Anchor(name)}) | {_text.Summary(type)} |\n");
                Describe(page, type, name);
            }

            pages[space.Key + ".md"] = page.ToString();
        }

        pages["README.md"] = index.ToString();
        return pages;
    }

    /// <summary>Members that a type declares for others, without what every record or enum has.</summary>
    public static IEnumerable<MemberInfo> Members(Type type)
    {
        if (type.IsSubclassOf(typeof(Delegate))) { return []; }
        if (type.IsEnum) { return type.GetFields(BindingFlags.Public | BindingFlags.Static).OrderBy(field => field.MetadataToken); }
        string[] positional = Positional(type) is { } made ? [.. made.GetParameters().Select(parameter => parameter.Name!)] : [];
        return type.GetMembers(Declared).Where(member => !IsGenerated(member) && member switch
        {
            Type => false,
            ConstructorInfo constructor => constructor.GetParameters().Length > 0 && constructor != Positional(type) && !(constructor.GetParameters() is [{ } only] && only.ParameterType == type),
            PropertyInfo property => !(Signatures.IsRecord(type) && positional.Contains(property.Name)) && property.Name != "EqualityContract",
            MethodInfo method => !method.IsSpecialName && method.Name is not ("ToString" or "Equals" or "GetHashCode" or "Deconstruct" or "<Clone>$" or "PrintMembers" or "GetObjectData"),
            FieldInfo field => !field.IsSpecialName,
            _ => true,
        }).OrderBy(member => member.MemberType is MemberTypes.Constructor ? 0 : member.MemberType is MemberTypes.Field ? 1 : member.MemberType is MemberTypes.Property ? 2 : 3).ThenBy(member => member.MetadataToken);
    }

    /// <summary>The constructor of a record that its declaration names; null: it has none.</summary>
    private static ConstructorInfo? Positional(Type type) => !Signatures.IsRecord(type) ? null
        : type.GetConstructors().FirstOrDefault(made => made.GetParameters() is { Length: > 0 } parameters && parameters.All(parameter => type.GetProperty(parameter.Name!) is not null));

    private void Describe(StringBuilder page, Type type, string name)
    {
        string[] parents = [.. (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum) && !type.IsSubclassOf(typeof(Delegate)) ? (Type[])[parent] : []).Concat(type.IsEnum ? [] : Own(type)).Select(Signatures.Name)];
        page.Append(CultureInfo.InvariantCulture, $"\n## {name}\n\n`{Signatures.Kind(type)}`{(parents.Length > 0 ? " : " + string.Join(", ", parents.Select(one => $"`{one}`")) : "")}\n");
        if (_text.Summary(type) is { Length: > 0 } summary) { page.Append(CultureInfo.InvariantCulture, $"\n{summary}\n"); }
        var rows = new List<(string Member, string Meaning)>();
        // Parameters of a record are its properties; those of a class' primary constructor are described with the class.
        if (Positional(type) is { } made)
        {
            foreach (var parameter in made.GetParameters()) { rows.Add((_signatures.Of(type.GetProperty(parameter.Name!)!), _text.Parameter(type, parameter.Name!))); }
        }

        foreach (var member in Members(type)) { rows.Add((type.IsEnum ? member.Name : _signatures.Of(member), Meaning(member))); }
        if (rows.Count == 0) { return; }
        page.Append("\n| member | |\n|---|---|\n");
        foreach (var (member, meaning) in rows) { page.Append(CultureInfo.InvariantCulture, $"| `{member.Replace("|", "\\|", StringComparison.Ordinal)}` | {meaning} |\n"); }
    }

    private string Meaning(MemberInfo member)
    {
        var text = new List<string> { _text.Summary(member) };
        if (member is MethodBase method)
        {
            text.AddRange(method.GetParameters().Select(parameter => (parameter.Name, Said: _text.Parameter(member, parameter.Name!))).Where(parameter => parameter.Said.Length > 0).Select(parameter => $"`{parameter.Name}`: {parameter.Said}"));
            if (_text.Returns(member) is { Length: > 0 } returns) { text.Add("Returns: " + returns); }
            text.AddRange(_text.Exceptions(member).Select(exception => "Throws " + exception));
        }

        return string.Join("<br>", text.Where(part => part.Length > 0));
    }

    private static IEnumerable<Type> Own(Type type)
    {
        var inherited = type.BaseType?.GetInterfaces() ?? [];
        return type.GetInterfaces().Where(one => one.IsPublic && !inherited.Contains(one) && !(one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IEquatable<>))).OrderBy(Signatures.Name, StringComparer.Ordinal);
    }

    private static bool IsGenerated(MemberInfo member) => member.IsDefined(typeof(GeneratedCodeAttribute), inherit: false) || member.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false) || (member.DeclaringType is { } outer && IsGenerated(outer));

    /// <summary>As GitHub makes them of headings.</summary>
    private static string Anchor(string heading) => string.Concat(heading.ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is '-' or '_' or ' ').Select(c => c == ' ' ? '-' : c));
}
