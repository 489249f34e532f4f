namespace Ctwa.Training.Specification;

/// <summary>Makes a tree of the flat list of schema elements in a footer.</summary>
internal static class ParquetSchemaReader
{
    private const int MaxElements = 10_000;

    private struct Element
    {
        public int? Type, Converted;
        public int Repetition, Children, TypeLength, Scale, Precision;
        public int Logical, BitWidth;
        public bool Signed;
        public string Name;
    }

    /// <summary>Reads the list; the reader stands at its header.</summary>
    public static ParquetNode Read(ref ThriftReader reader)
    {
        int count = reader.ListHeader(out _);
        if (count is < 1 or > MaxElements) { throw reader.Bad($"describes {count} columns and groups; expected are 1 to {MaxElements}"); }
        var elements = new Element[count];
        for (int i = 0; i < count; i++) { elements[i] = ReadElement(ref reader); }
        int next = 0, leaves = 0;
        // The root's own repetition and name say nothing.
        elements[0].Repetition = (int)ParquetRepetition.Required;
        var root = Build(elements, ref next, ref leaves, "", 0, 0, 0);
        if (next != count) { throw new InvalidDataException($"the schema's tree ends after {next} of its {count} elements"); }
        return root.IsLeaf ? throw new InvalidDataException("the schema has no columns") : root;
    }

    private static ParquetNode Build(Element[] elements, ref int next, ref int leaves, string path, int definition, int repetition, int depth)
    {
        if (depth > ThriftReader.MaxDepth) { throw new InvalidDataException($"the schema is nested deeper than {ThriftReader.MaxDepth} levels at '{path}'"); }
        if (next >= elements.Length) { throw new InvalidDataException($"the schema names more children of '{path}' than it describes"); }
        var element = elements[next++];
        if (element.Repetition is < 0 or > 2) { throw new InvalidDataException($"column '{element.Name}' has the unknown repetition {element.Repetition}"); }
        var occurs = (ParquetRepetition)element.Repetition;
        if (occurs != ParquetRepetition.Required) { definition++; }
        if (occurs == ParquetRepetition.Repeated) { repetition++; }
        string own = depth == 0 ? "" : path.Length == 0 ? element.Name : $"{path}.{element.Name}";
        int first = leaves;
        if (element.Type is { } type && element.Children == 0)
        {
            if (type is < 0 or > 7) { throw new InvalidDataException($"column '{own}' has the unknown physical type {type}"); }
            var physical = (ParquetPhysicalType)type;
            if (physical == ParquetPhysicalType.FixedLengthByteArray && element.TypeLength < 1) { throw new InvalidDataException($"column '{own}' has values of {element.TypeLength} bytes"); }
            var (content, typeName) = Meaning(physical, element);
            leaves++;
            return new(element.Name, own, occurs, [], false, physical, content, occurs == ParquetRepetition.Repeated ? $"list<{typeName}>" : typeName, element.TypeLength, definition, repetition, first, 1);
        }

        if (element.Children < 0 || element.Children > elements.Length - next) { throw new InvalidDataException($"group '{own}' names {element.Children} children; {elements.Length - next} elements follow"); }
        var children = new ParquetNode[element.Children];
        for (int i = 0; i < children.Length; i++) { children[i] = Build(elements, ref next, ref leaves, own, definition, repetition, depth + 1); }
        bool list = element.Converted == 3 || element.Logical == 3;
        var node = new ParquetNode(element.Name, own, occurs, children, list, null, ParquetContent.Other, "", 0, definition, repetition, first, leaves - first);
        return node with { TypeName = GroupName(node) };
    }

    private static string GroupName(ParquetNode node)
    {
        if (node.Element is { } element) { return $"list<{(element.Repetition == ParquetRepetition.Repeated && element.TypeName.StartsWith("list<", StringComparison.Ordinal) ? element.TypeName[5..^1] : element.TypeName)}>"; }
        // A wide group's name is no use in a message.
        string fields = string.Join(", ", node.Children.Take(8).Select(child => $"{child.Name}: {child.TypeName}")) + (node.Children.Count > 8 ? ", ..." : "");
        string all = $"struct<{(fields.Length > 400 ? fields[..400] + "..." : fields)}>";
        return node.Repetition == ParquetRepetition.Repeated ? $"list<{all}>" : all;
    }

    private static (ParquetContent Content, string Name) Meaning(ParquetPhysicalType physical, Element element) => (physical, element.Converted, element.Logical) switch
    {
        (_, 5, _) or (_, _, 5) => (ParquetContent.Other, $"decimal({element.Precision}, {element.Scale})"),
        (_, 6, _) or (_, _, 6) => (ParquetContent.Other, "date"),
        (_, 7 or 8, _) or (_, _, 7) => (ParquetContent.Other, "time"),
        (_, 9 or 10, _) or (_, _, 8) => (ParquetContent.Other, "timestamp"),
        (_, 21, _) => (ParquetContent.Other, "interval"),
        (_, _, 14) => (ParquetContent.Other, "uuid"),
        (_, _, 15) => (ParquetContent.Other, "float16"),
        (ParquetPhysicalType.ByteArray, 20, _) or (ParquetPhysicalType.ByteArray, _, 13) => (ParquetContent.Other, "bson"),
        (ParquetPhysicalType.ByteArray, 0 or 4 or 19, _) or (ParquetPhysicalType.ByteArray, _, 1 or 4 or 12) => (ParquetContent.Text, "string"),
        (ParquetPhysicalType.ByteArray, _, _) => (ParquetContent.Text, "binary"),
        (ParquetPhysicalType.Int32 or ParquetPhysicalType.Int64, >= 11 and <= 14, _) => (ParquetContent.Unsigned, $"uint{8 << (element.Converted!.Value - 11)}"),
        (ParquetPhysicalType.Int32 or ParquetPhysicalType.Int64, >= 15 and <= 18, _) => (ParquetContent.Signed, $"int{8 << (element.Converted!.Value - 15)}"),
        (ParquetPhysicalType.Int32 or ParquetPhysicalType.Int64, _, 10) => (element.Signed ? ParquetContent.Signed : ParquetContent.Unsigned, $"{(element.Signed ? "" : "u")}int{element.BitWidth}"),
        (ParquetPhysicalType.Int32, _, _) => (ParquetContent.Signed, "int32"),
        (ParquetPhysicalType.Int64, _, _) => (ParquetContent.Signed, "int64"),
        (ParquetPhysicalType.Float, _, _) => (ParquetContent.Floating, "float"),
        (ParquetPhysicalType.Double, _, _) => (ParquetContent.Floating, "double"),
        (ParquetPhysicalType.Boolean, _, _) => (ParquetContent.Boolean, "boolean"),
        (ParquetPhysicalType.Int96, _, _) => (ParquetContent.Other, "int96"),
        _ => (ParquetContent.Other, $"fixed_binary({element.TypeLength})"),
    };

    private static Element ReadElement(ref ThriftReader reader)
    {
        var element = new Element { Name = "" };
        int id = 0;
        while (reader.Field(ref id, out byte type))
        {
            switch (id, type)
            {
                case (1, ThriftReader.Int32): element.Type = reader.Int(); break;
                case (2, ThriftReader.Int32): element.TypeLength = reader.Int(); break;
                case (3, ThriftReader.Int32): element.Repetition = reader.Int(); break;
                case (4, ThriftReader.Binary): element.Name = reader.Text(); break;
                case (5, ThriftReader.Int32): element.Children = reader.Int(); break;
                case (6, ThriftReader.Int32): element.Converted = reader.Int(); break;
                case (7, ThriftReader.Int32): element.Scale = reader.Int(); break;
                case (8, ThriftReader.Int32): element.Precision = reader.Int(); break;
                case (10, ThriftReader.Struct): ReadLogical(ref reader, ref element); break;
                default: reader.Skip(type); break;
            }
        }

        return element;
    }

    /// <summary>A union: the number of its one field is the type; only integers say more.</summary>
    private static void ReadLogical(ref ThriftReader reader, ref Element element)
    {
        int id = 0;
        while (reader.Field(ref id, out byte type))
        {
            element.Logical = id;
            if (id != 10 || type != ThriftReader.Struct) { reader.Skip(type); continue; }
            int inner = 0;
            while (reader.Field(ref inner, out byte part))
            {
                switch (inner, part)
                {
                    case (1, ThriftReader.Int8): element.BitWidth = reader.Byte(); break;
                    case (2, ThriftReader.True): element.Signed = true; break;
                    case (2, ThriftReader.False): element.Signed = false; break;
                    default: reader.Skip(part); break;
                }
            }
        }
    }
}
