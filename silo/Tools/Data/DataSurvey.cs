using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tokenization;

namespace Ctwa.Silo.Tools.Data;

/// <summary>What to look for in a data file.</summary>
/// <param name="Prompt">Column of the prompt; null: <c>prompt</c>, if there is one.</param>
/// <param name="Answer">Column of the answer; null: <c>answer</c>, if there is one.</param>
/// <param name="Tokenizer">Counts tokens; null: none are counted.</param>
/// <param name="MaxPromptTokens">A job's limit.</param>
/// <param name="Rows">Rows to keep for showing.</param>
internal sealed record SurveyOptions(string? Prompt, string? Answer, HuggingFaceTokenizer? Tokenizer, int? MaxPromptTokens, int Rows);

/// <summary>A column, its types (JSONL: those found) and how often it is null or absent.</summary>
internal sealed record SurveyColumn(string Name, string Type, long Nulls);

/// <summary>Everything that <c>ctwa data inspect</c> tells.</summary>
internal sealed record DataSurvey
{
    private const int MostProblems = 8, MostTypes = 4;

    public required DataFingerprint File { get; init; }

    public required string Format { get; init; }

    public required IReadOnlyList<SurveyColumn> Columns { get; init; }

    public required IReadOnlyList<DataValue.Fields> Shown { get; init; }

    /// <summary>Columns that were looked at; null: the file has no such column.</summary>
    public string? PromptField { get; private init; }

    public string? AnswerField { get; private init; }

    public LengthSummary? PromptCharacters { get; private init; }

    public LengthSummary? PromptTokens { get; private init; }

    public LengthSummary? AnswerCharacters { get; private init; }

    public LengthSummary? AnswerTokens { get; private init; }

    /// <summary>Rows whose prompt came before.</summary>
    public long Duplicates { get; private init; }

    public long EmptyAnswers { get; private init; }

    /// <summary>Prompts that are conversations.</summary>
    public long Conversations { get; private init; }

    /// <summary>Prompts over the limit; null: no limit was given.</summary>
    public long? Overlong { get; private init; }

    /// <summary>Rows that a job would refuse.</summary>
    public long Unusable { get; private init; }

    /// <summary>The first of them.</summary>
    public IReadOnlyList<string> Problems { get; private init; } = [];

    /// <summary>Reads a file once.</summary>
    /// <exception cref="DatasetException">It is damaged, or a column that was asked for is not there.</exception>
    public static DataSurvey Of(string path, SurveyOptions options)
    {
        bool parquet = DataFile.IsParquet(path);
        var tally = new Tally(path, parquet, options);
        foreach (var (number, row) in DataFile.Objects(path)) { tally.Add(number, row); }
        return tally.Result();
    }

    private sealed class Tally(string path, bool parquet, SurveyOptions options)
    {
        private readonly OrderedDictionary<string, (HashSet<string> Types, long Present)> _columns = [];
        private readonly List<DataValue.Fields> _shown = [];
        private readonly HashSet<UInt128> _prompts = [];
        private readonly List<string> _problems = [];
        private readonly List<int> _promptCharacters = [], _promptTokens = [], _answerCharacters = [], _answerTokens = [];
        private string? _prompt = options.Prompt, _answer = options.Answer;
        private bool _promptSeen, _answerSeen;
        private long _rows, _duplicates, _emptyAnswers, _conversations, _overlong, _unusable;

        public void Add(long number, DataValue.Fields row)
        {
            if (_rows++ == 0)
            {
                _prompt ??= row.Find("prompt") is null ? null : "prompt";
                _answer ??= row.Find("answer") is null ? null : "answer";
            }

            if (_shown.Count < options.Rows) { _shown.Add(row); }
            foreach (var (name, value) in row.Items)
            {
                if (!_columns.TryGetValue(name, out var column)) { _columns[name] = column = ([], 0); }
                if (value is not DataValue.Nothing)
                {
                    _columns[name] = (column.Types, column.Present + 1);
                    if (!parquet && column.Types.Count <= MostTypes) { column.Types.Add(TypeOf(value, 0)); }
                }
            }

            _promptSeen |= _prompt is not null && DataValue.At(row, _prompt) is not null;
            _answerSeen |= _answer is not null && DataValue.At(row, _answer) is not null;
            if (_prompt is not null) { AddPrompt(number, row); }
        }

        private void AddPrompt(long number, DataValue.Fields row)
        {
            // Without an answer column, prompts are looked at all the same.
            var answer = _answer is null ? new DataValue.Text("-") : DataValue.At(row, _answer) ?? DataValue.Nothing.Value;
            DataRow read;
            try
            {
                read = DataRow.Of(number, _prompt!, DataValue.At(row, _prompt!) ?? DataValue.Nothing.Value, _answer ?? "", answer, _ => DataFile.Place(path, number, parquet));
            }
            catch (DatasetException e)
            {
                _unusable++;
                if (_problems.Count < MostProblems) { _problems.Add(e.Message); }
                return;
            }

            if (!_prompts.Add(XxHash128.HashToUInt128(MemoryMarshal.AsBytes(read.Prompt.AsSpan())))) { _duplicates++; }
            if (read.Messages.Count > 0) { _conversations++; }
            Measure(read.Prompt, _promptCharacters, _promptTokens);
            if (options.Tokenizer is not null && _promptTokens[^1] > options.MaxPromptTokens) { _overlong++; }
            if (_answer is null) { return; }
            if (string.IsNullOrWhiteSpace(read.Answer)) { _emptyAnswers++; }
            Measure(read.Answer, _answerCharacters, _answerTokens);
        }

        private void Measure(string text, List<int> characters, List<int> tokens)
        {
            characters.Add(text.Length);
            if (options.Tokenizer is not { } tokenizer) { return; }
            try { tokens.Add(tokenizer.Encode(text).Length); }
            catch (UnencodableTextException e) { throw new DatasetException($"{path}: a text cannot be written with this tokenizer: {e.Message}", e); }
        }

        public DataSurvey Result()
        {
            if (_rows == 0) { throw new DatasetException($"data file '{path}' holds no rows."); }
            if (options.Prompt is { } prompt && !_promptSeen) { throw Absent(prompt, "--prompt-field"); }
            if (options.Answer is { } answer && !_answerSeen) { throw Absent(answer, "--answer-field"); }
            return new DataSurvey
            {
                File = DataFingerprint.Of("", path, _rows),
                Format = parquet ? "parquet" : "jsonl",
                Columns = [.. _columns.Select(column => new SurveyColumn(column.Key, TypesOf(column.Key, column.Value.Types), _rows - column.Value.Present))],
                Shown = _shown,
                PromptField = _prompt,
                AnswerField = _answer,
                PromptCharacters = LengthSummary.Of(_promptCharacters),
                PromptTokens = LengthSummary.Of(_promptTokens),
                AnswerCharacters = LengthSummary.Of(_answerCharacters),
                AnswerTokens = LengthSummary.Of(_answerTokens),
                Duplicates = _duplicates,
                EmptyAnswers = _emptyAnswers,
                Conversations = _conversations,
                Overlong = options.MaxPromptTokens is null ? null : _overlong,
                Unusable = _unusable,
                Problems = _problems,
            };
        }

        private DatasetException Absent(string field, string option) => new($"{path}: has no column '{field}'; it has {string.Join(", ", _columns.Keys.Take(20).Select(name => $"'{name}'"))}. Correct {option}.");

        private string TypesOf(string name, HashSet<string> types)
        {
            if (!parquet) { return types.Count == 0 ? "null" : types.Count > MostTypes ? string.Join(" or ", types.Take(MostTypes)) + " or more" : string.Join(" or ", types); }
            using var stream = DataFile.Open(path);
            return ParquetFooter.Read(stream).Root.Children.First(child => child.Name == name).TypeName;
        }

        private static string TypeOf(DataValue value, int depth) => value switch
        {
            DataValue.Text => "string",
            DataValue.Number number => number.Written.All(c => c == '-' || char.IsAsciiDigit(c)) ? "integer" : "number",
            DataValue.Truth => "boolean",
            DataValue.Sequence list => list.Items.Count == 0 || depth > 3 ? "list" : $"list<{TypeOf(list.Items[0], depth + 1)}>",
            DataValue.Fields fields => depth > 3 ? "struct" : $"struct<{string.Join(", ", fields.Items.Take(8).Select(item => string.Create(CultureInfo.InvariantCulture, $"{item.Key}: {TypeOf(item.Value, depth + 1)}")))}>",
            _ => "null",
        };
    }
}
