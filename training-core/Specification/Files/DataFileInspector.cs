using System.Text;
using System.Text.Json;

namespace Ctwa.Training.Specification;

/// <summary>Checks a data file's first row, or a parquet file's footer, against the columns that a job names. No data is loaded.</summary>
/// <param name="source">The source's place in the job: <c>data.train</c>.</param>
/// <param name="data">The source.</param>
/// <param name="path">The path as the job writes it.</param>
/// <param name="find">Receives key and message of what is wrong.</param>
internal sealed class DataFileInspector(string source, DataSourceSpec data, string path, Action<string, string> find)
{
    private const int MaxLineBytes = 1 << 20;

    /// <param name="full">The absolute path.</param>
    /// <exception cref="InvalidDataException">A parquet footer is damaged.</exception>
    public void Inspect(string full)
    {
        string key = source + ".path";
        if (Directory.Exists(full)) { find(key, $"is '{path}', a folder; give a JSONL or parquet file."); return; }
        if (!File.Exists(full)) { find(key, $"is '{path}', but there is no such file; looked for {full}."); return; }
        using var stream = new FileStream(full, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (ParquetFooter.Begins(stream)) { Parquet(stream, key); }
        else if (Path.GetExtension(full).Equals(".parquet", StringComparison.OrdinalIgnoreCase)) { find(key, $"is '{path}', which is no parquet file (it does not begin with PAR1); fetch it again, or give JSONL another name."); }
        else { Jsonl(stream, key); }
    }

    private void Parquet(Stream stream, string key)
    {
        ParquetFooter footer;
        try { footer = ParquetFooter.Read(stream); }
        catch (InvalidDataException e) { find(key, $"is '{path}', which cannot be read: {e.Message}."); return; }
        if (footer.Rows == 0) { find(key, $"is '{path}', which has no rows."); return; }
        if (Column(footer, "prompt_field", data.PromptField) is { } prompt && !IsText(prompt) && !IsConversation(prompt)) { find($"{source}.prompt_field", $"is '{data.PromptField}', which is {prompt.TypeName} in '{path}'; expected is a string, or a list of structs with role and content."); }
        if (Column(footer, "answer_field", data.AnswerField) is { } answer && !(answer.Repetition != ParquetRepetition.Repeated && answer is { IsLeaf: true, Content: ParquetContent.Text or ParquetContent.Signed or ParquetContent.Unsigned or ParquetContent.Floating })) { find($"{source}.answer_field", $"is '{data.AnswerField}', which is {answer.TypeName} in '{path}'; expected is a string or a number."); }
    }

    private ParquetNode? Column(ParquetFooter footer, string key, string name)
    {
        if (footer.Root.Find(name, out string problem) is [.., var node]) { return node; }
        find($"{source}.{key}", $"is '{name}', but in '{path}' {problem}{(problem.EndsWith('?') ? "" : ".")}");
        return null;
    }

    private static bool IsText(ParquetNode node) => node is { IsLeaf: true, Content: ParquetContent.Text, Repetition: not ParquetRepetition.Repeated };

    private static bool IsConversation(ParquetNode node) => node.Element is { IsLeaf: false } turn && turn.Children.Any(child => child.Name == "role") && turn.Children.Any(child => child.Name == "content");

    private void Jsonl(Stream stream, string key)
    {
        var (line, number) = FirstLine(stream);
        if (line is null) { find(key, number < 0 ? $"is '{path}', whose first line is longer than {MaxLineBytes} bytes; expected is one JSON object per line." : $"is '{path}', which is empty; expected is one JSON object per line."); return; }
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object) { find(key, $"is '{path}', whose line {number} holds no JSON object; expected is one object per line, such as {{\"{data.PromptField}\": \"...\", \"{data.AnswerField}\": \"...\"}}."); return; }
            Field("prompt_field", data.PromptField, document.RootElement, number, "is no text", "a string, or a list of turns with role and content", value => value.ValueKind == JsonValueKind.String || (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().FirstOrDefault().ValueKind == JsonValueKind.Object));
            Field("answer_field", data.AnswerField, document.RootElement, number, "is no text", "a string", value => value.ValueKind is JsonValueKind.String or JsonValueKind.Number);
        }
        catch (JsonException e) { find(key, $"is '{path}', whose line {number} is not valid JSON: {SafetensorsHeader.FirstSentence(e.Message)} Expected is one object per line (JSONL)."); }
    }

    private void Field(string key, string name, JsonElement row, int line, string wrong, string expected, Func<JsonElement, bool> accepts)
    {
        var at = row;
        string passed = "";
        if (row.TryGetProperty(name, out var exact)) { at = exact; }
        else
        {
            foreach (string part in name.Split('.'))
            {
                string[] fields = at.ValueKind == JsonValueKind.Object ? [.. at.EnumerateObject().Select(p => p.Name)] : [];
                if (fields.Length == 0 || !at.TryGetProperty(part, out var next))
                {
                    find($"{source}.{key}", $"is '{name}', but line {line} of '{path}' has no such field; {(passed.Length == 0 ? "it" : $"'{passed}'")} has: {(fields.Length == 0 ? "none" : string.Join(", ", fields.Take(20).Select(f => SafetensorsHeader.Quote(f)[1..^1])))}." + (NearestKey.Find(part, fields) is { } nearest ? $" Did you mean '{(passed.Length == 0 ? "" : passed + ".")}{nearest}'?" : ""));
                    return;
                }

                (at, passed) = (next, passed.Length == 0 ? part : $"{passed}.{part}");
            }
        }

        if (!accepts(at)) { find($"{source}.{key}", $"is '{name}', which {wrong} in line {line} of '{path}'; expected is {expected}."); }
    }

    /// <summary>The first line that is not blank, with its number from 1; null and 0 if there is none, null and -1 if it is too long.</summary>
    private static (string? Line, int Number) FirstLine(Stream stream)
    {
        using var reader = new StreamReader(stream, new UTF8Encoding(true, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false, leaveOpen: true);
        var line = new StringBuilder();
        for (int number = 1; ; number++)
        {
            line.Clear();
            int next;
            while ((next = reader.Read()) is >= 0 and not '\n' && line.Length <= MaxLineBytes) { line.Append((char)next); }
            if (line.Length > MaxLineBytes) { return (null, -1); }
            string text = line.ToString().Trim().TrimStart('\uFEFF');
            if (text.Length > 0) { return (text, number); }
            if (next < 0) { return (null, 0); }
        }
    }
}
