using System.Collections.Frozen;
using System.Reflection;

namespace Ctwa.Grains.Tests.Documentation;

/// <summary>Declarations as one would write them in C#.</summary>
internal sealed class Signatures
{
    private static readonly FrozenDictionary<Type, string> s_keywords = new Dictionary<Type, string>
    {
        [typeof(void)] = "void", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(bool)] = "bool", [typeof(char)] = "char", [typeof(byte)] = "byte", [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short", [typeof(ushort)] = "ushort", [typeof(int)] = "int", [typeof(uint)] = "uint", [typeof(long)] = "long", [typeof(ulong)] = "ulong", [typeof(nint)] = "nint", [typeof(nuint)] = "nuint",
        [typeof(float)] = "float", [typeof(double)] = "double", [typeof(decimal)] = "decimal",
    }.ToFrozenDictionary();

    private readonly NullabilityInfoContext _nulls = new();

    /// <summary>Kind of a type: class, record, struct, interface, enum, delegate.</summary>
    public static string Kind(Type type) => type switch
    {
        { IsEnum: true } => "enum",
        { IsInterface: true } => "interface",
        _ when type.IsSubclassOf(typeof(Delegate)) => "delegate",
        { IsValueType: true } => IsRecord(type) ? "record struct" : "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        _ => (type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "") + (IsRecord(type) ? "record" : "class"),
    };

    public static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null || (type.IsValueType && type.GetMethod("PrintMembers", BindingFlags.Instance | BindingFlags.NonPublic) is not null);

    /// <summary><c>Dictionary&lt;string, int&gt;</c>.</summary>
    public static string Name(Type type) => Name(type, null);

    public string Of(MemberInfo member) => member switch
    {
        PropertyInfo property => $"{(property.GetIndexParameters() is { Length: > 0 } keys ? $"this[{Parameters(keys)}]" : property.Name)} : {Name(property.PropertyType, _nulls.Create(property))}",
        FieldInfo field => $"{(field.IsLiteral ? "const " : "")}{field.Name} : {Name(field.FieldType, _nulls.Create(field))}",
        ConstructorInfo made => $"new({Parameters(made.GetParameters())})",
        MethodInfo method => $"{(method.IsStatic ? "static " : "")}{method.Name}{Generic(method.GetGenericArguments())}({Parameters(method.GetParameters())}) : {Name(method.ReturnType, _nulls.Create(method.ReturnParameter))}",
        _ => member.Name,
    };

    private static string Generic(Type[] arguments) => arguments.Length == 0 ? "" : $"<{string.Join(", ", arguments.Select(argument => argument.Name))}>";

    private string Parameters(ParameterInfo[] parameters) => string.Join(", ", parameters.Select(parameter =>
        $"{(parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "")}{Name(parameter.ParameterType, _nulls.Create(parameter))} {parameter.Name}"));

    private static string Name(Type type, NullabilityInfo? nulls)
    {
        if (type.IsByRef) { return Name(type.GetElementType()!, nulls?.ElementType); }
        if (type.IsPointer) { return Name(type.GetElementType()!) + "*"; }
        if (Nullable.GetUnderlyingType(type) is { } plain) { return Name(plain) + "?"; }
        // Of the array itself, not of what is in it.
        string mark = !type.IsValueType && !type.IsGenericParameter && nulls?.ReadState == NullabilityState.Nullable ? "?" : "";
        if (type.IsArray) { return $"{Name(type.GetElementType()!, nulls?.ElementType)}[{new string(',', type.GetArrayRank() - 1)}]{mark}"; }
        if (s_keywords.TryGetValue(type, out string? word)) { return word + mark; }
        var arguments = type.GetGenericArguments();
        if (type.FullName?.StartsWith("System.ValueTuple`", StringComparison.Ordinal) == true) { return $"({string.Join(", ", arguments.Select((argument, i) => Name(argument, At(nulls, i))))})"; }
        string outer = type.DeclaringType is { } around && !type.IsGenericParameter ? Name(around) + "." : "";
        string own = type.Name.Split('`')[0];
        int before = type.DeclaringType?.GetGenericArguments().Length ?? 0;
        return outer + own + (type.IsGenericType && arguments.Length > before ? $"<{string.Join(", ", arguments.Skip(before).Select((argument, i) => Name(argument, At(nulls, before + i))))}>" : "") + mark;
    }

    private static NullabilityInfo? At(NullabilityInfo? nulls, int i) => nulls is { } known && i < known.GenericTypeArguments.Length ? known.GenericTypeArguments[i] : null;
}
