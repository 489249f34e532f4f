using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Datasets;

namespace Ctwa.Silo.Tools.Data;

/// <summary>A survey for people and for machines.</summary>
internal static class SurveyText
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="survey">The survey.</param>
    /// <param name="width">Characters of a line; shown rows are cut there.</param>
    public static string Of(DataSurvey survey, int width)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"{survey.File.Path}: {survey.Format}, {survey.File.Rows} rows, {survey.File.Bytes} bytes, sha256 {survey.File.Sha256}");
        text.Append("\ncolumns\n");
        int pad = Math.Min(30, survey.Columns.Max(column => column.Name.Length));
        foreach (var column in survey.Columns) { text.Append(Cut($"  {column.Name.PadRight(pad)}  {column.Type}{(column.Nulls > 0 ? FormattableString.Invariant($", {column.Nulls} null") : "")}", width)).Append('\n'); }
        if (survey.PromptField is null)
        {
            text.Append("\nno column 'prompt': give --prompt-field (and --answer-field) for lengths and duplicates.\n");
        }
        else
        {
            text.Append(string.Create(CultureInfo.InvariantCulture, $"\n{"lengths",-30}{"min",8}{"mean",10}{"p50",8}{"p95",8}{"max",8}\n"));
            Lengths(text, survey.PromptField + ", characters", survey.PromptCharacters);
            Lengths(text, survey.PromptField + ", tokens", survey.PromptTokens);
            Lengths(text, survey.AnswerField + ", characters", survey.AnswerCharacters);
            Lengths(text, survey.AnswerField + ", tokens", survey.AnswerTokens);
            text.Append('\n');
            if (survey.Conversations > 0) { Line($"{survey.Conversations} prompts are conversations; lengths are those of the last user turn."); }
            Line($"{survey.Duplicates} rows repeat a prompt; {survey.EmptyAnswers} answers are empty.");
            if (survey.Overlong is { } overlong) { Line($"{overlong} prompts exceed --max-prompt-tokens."); }
            if (survey.Unusable > 0) { Line($"{survey.Unusable} rows cannot be used by a job:"); }
            foreach (string problem in survey.Problems) { text.Append("  ").Append(problem).Append('\n'); }
        }

        for (int i = 0; i < survey.Shown.Count; i++)
        {
            Line($"\nrow {i + 1}");
            foreach (var (name, value) in survey.Shown[i].Items) { text.Append(Cut($"  {name.PadRight(pad)}  {ToJson(value)?.ToJsonString(s_line) ?? "null"}", width)).Append('\n'); }
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>The survey as one JSON object.</summary>
    public static string Json(DataSurvey survey)
    {
        var root = new JsonObject
        {
            ["file"] = survey.File.Path,
            ["format"] = survey.Format,
            ["rows"] = survey.File.Rows,
            ["bytes"] = survey.File.Bytes,
            ["sha256"] = survey.File.Sha256,
            ["columns"] = new JsonArray([.. survey.Columns.Select(column => (JsonNode)new JsonObject { ["name"] = column.Name, ["type"] = column.Type, ["nulls"] = column.Nulls })]),
            ["prompt_field"] = survey.PromptField,
            ["answer_field"] = survey.AnswerField,
            ["prompt_characters"] = Lengths(survey.PromptCharacters),
            ["prompt_tokens"] = Lengths(survey.PromptTokens),
            ["answer_characters"] = Lengths(survey.AnswerCharacters),
            ["answer_tokens"] = Lengths(survey.AnswerTokens),
            ["conversations"] = survey.Conversations,
            ["duplicate_prompts"] = survey.Duplicates,
            ["empty_answers"] = survey.EmptyAnswers,
            ["overlong_prompts"] = survey.Overlong,
            ["unusable_rows"] = survey.Unusable,
            ["problems"] = new JsonArray([.. survey.Problems.Select(problem => (JsonNode)problem)]),
            ["shown"] = new JsonArray([.. survey.Shown.Select(ToJson)]),
        };
        return root.ToJsonString(s_json);
    }

    private static void Lengths(StringBuilder text, string name, LengthSummary? lengths)
    {
        if (lengths is null) { return; }
        text.Append(string.Create(CultureInfo.InvariantCulture, $"{"  " + name,-30}{lengths.Min,8}{lengths.Mean,10:F1}{lengths.P50,8}{lengths.P95,8}{lengths.Max,8}\n"));
    }

    private static JsonObject? Lengths(LengthSummary? lengths) => lengths is null ? null : new JsonObject { ["min"] = lengths.Min, ["mean"] = lengths.Mean, ["p50"] = lengths.P50, ["p95"] = lengths.P95, ["max"] = lengths.Max };

    private static JsonNode? ToJson(DataValue value) => value switch
    {
        DataValue.Text text => JsonValue.Create(text.Value),
        // NaN and infinities of parquet have no JSON.
        DataValue.Number number => double.TryParse(number.Written, CultureInfo.InvariantCulture, out double parsed) && double.IsFinite(parsed) ? JsonNode.Parse(number.Written) : JsonValue.Create(number.Written),
        DataValue.Other other => JsonValue.Create($"<{other.Type}>"),
        DataValue.Truth truth => JsonValue.Create(truth.Value),
        DataValue.Sequence list => new JsonArray([.. list.Items.Select(ToJson)]),
        DataValue.Fields fields => new JsonObject(fields.Items.GroupBy(item => item.Key, (key, items) => KeyValuePair.Create(key, ToJson(items.First().Value)))),
        _ => null,
    };

    // By text elements, so that no character is cut in two.
    private static string Cut(string line, int width)
    {
        var elements = new StringInfo(line.ReplaceLineEndings(" "));
        return elements.LengthInTextElements <= width ? elements.String : elements.SubstringByTextElements(0, width - 1) + "…";
    }
}
