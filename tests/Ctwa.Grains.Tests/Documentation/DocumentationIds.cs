using System.Reflection;
using System.Text;

namespace Ctwa.Grains.Tests.Documentation;

/// <summary>Names under which the compiler writes doc comments down (C# specification, annex D.4.2).</summary>
internal static class DocumentationIds
{
    public static string Of(Type type) => "T:" + Name(type);

    public static string Of(MemberInfo member) => member switch
    {
        Type type => Of(type),
        PropertyInfo property => $"P:{Name(property.DeclaringType!)}.{property.Name}{Parameters(property.GetIndexParameters())}",
        FieldInfo field => $"F:{Name(field.DeclaringType!)}.{field.Name}",
        EventInfo happening => $"E:{Name(happening.DeclaringType!)}.{happening.Name}",
        ConstructorInfo made => $"M:{Name(made.DeclaringType!)}.{(made.IsStatic ? "#cctor" : "#ctor")}{Parameters(made.GetParameters())}",
        MethodInfo method => $"M:{Name(method.DeclaringType!)}.{method.Name}{(method.IsGenericMethod ? "``" + method.GetGenericArguments().Length : "")}{Parameters(method.GetParameters())}{Conversion(method)}",
        _ => throw new ArgumentOutOfRangeException(nameof(member), member, "is no member with a doc comment."),
    };

    private static string Name(Type type) => (type.FullName ?? $"{type.Namespace}.{type.Name}").Replace('+', '.');

    private static string Parameters(ParameterInfo[] parameters) => parameters.Length == 0 ? "" : $"({string.Join(',', parameters.Select(parameter => Reference(parameter.ParameterType)))})";

    private static string Conversion(MethodInfo method) => method.Name is "op_Implicit" or "op_Explicit" ? "~" + Reference(method.ReturnType) : "";

    private static string Reference(Type type)
    {
        if (type.IsByRef) { return Reference(type.GetElementType()!) + "@"; }
        if (type.IsPointer) { return Reference(type.GetElementType()!) + "*"; }
        if (type.IsArray) { return Reference(type.GetElementType()!) + (type.GetArrayRank() == 1 ? "[]" : $"[{string.Join(',', Enumerable.Repeat("0:", type.GetArrayRank()))}]"); }
        if (type.IsGenericMethodParameter) { return "``" + type.GenericParameterPosition; }
        if (type.IsGenericParameter) { return "`" + type.GenericParameterPosition; }
        if (!type.IsGenericType) { return Name(type); }
        var text = new StringBuilder();
        var arguments = type.GetGenericArguments();
        int taken = 0;
        foreach (var (i, part) in Chain(type).Index())
        {
            text.Append(i == 0 ? (part.Namespace is { } space ? space + "." : "") : ".").Append(part.Name.Split('`')[0]);
            int own = part.GetGenericArguments().Length - taken;
            if (own > 0) { text.Append('{').AppendJoin(',', arguments.Skip(taken).Take(own).Select(Reference)).Append('}'); }
            taken += own;
        }

        return text.ToString();
    }

    private static IEnumerable<Type> Chain(Type type) => type.DeclaringType is { } outer ? Chain(outer).Append(type) : [type];
}
