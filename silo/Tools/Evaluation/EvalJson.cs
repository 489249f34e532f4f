using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Evaluation;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>An evaluation for programs; see docs/evaluation.md.</summary>
internal static class EvalJson
{
    private const int Version = 1;

    private static readonly JsonSerializerOptions compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Settings, estimates, comparison, and a line per prompt.</summary>
    public static byte[] Write(EvalResult result)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("format", "ctwa-eval");
            writer.WriteNumber("version", Version);
            Node(writer, "data", Data(result.Inputs));
            Node(writer, "sampling", Sampling(result));
            Node(writer, "intervals", new JsonObject { ["method"] = "percentile bootstrap over prompts", ["draws"] = result.Inputs.Settings.BootstrapDraws, ["level"] = result.Inputs.Settings.Level });
            Node(writer, "reference_length", new JsonObject { ["tokens"] = Finite(result.Reference.Tokens), ["source"] = result.Reference.Source });
            Node(writer, "objectives", JsonNode.Parse(JobSpecJson.Serialize(result.Inputs.Job))!["objectives"]!.DeepClone());
            Model(writer, "model", result, result.Model);
            if (result.Baseline is { } baseline) { Model(writer, "baseline", result, baseline); }
            if (result.Comparison is { } comparison) { Node(writer, "comparison", Comparison(comparison)); }
            writer.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <summary>Every answer as one line, the model's first.</summary>
    public static IEnumerable<string> Samples(EvalResult result) =>
        result.Baseline is { } baseline ? Samples(result, result.Model, "model").Concat(Samples(result, baseline, "baseline")) : Samples(result, result.Model, "model");

    private static IEnumerable<string> Samples(EvalResult result, EvaluatedModel model, string role) =>
        model.Scored.Prompts.SelectMany(prompt => prompt.Responses.Select((response, sample) => new JsonObject
        {
            ["model"] = role,
            ["row"] = prompt.Prompt.Row,
            ["sample"] = sample,
            ["prompt"] = prompt.Prompt.Example.Prompt,
            ["answer"] = prompt.Prompt.Example.GroundTruth,
            ["response"] = response.Response.Text,
            ["tokens"] = response.Response.Length,
            ["stopped"] = response.Response.Stopped,
            ["valid"] = response.Valid,
            ["scores"] = new JsonObject(result.Inputs.Job.Objectives.Select((objective, j) => KeyValuePair.Create(objective.Name, (JsonNode?)response.Scores[j]))),
        }.ToJsonString(compact)));

    private static JsonObject Data(EvalInputs inputs) => new()
    {
        ["name"] = inputs.DataName,
        ["path"] = inputs.Data.Path,
        ["task"] = inputs.Data.Task is { } task ? task.ToString().ToLowerInvariant() : null,
        ["prompt_field"] = inputs.Data.Path is null ? null : inputs.Data.PromptField,
        ["answer_field"] = inputs.Data.Path is null ? null : inputs.Data.AnswerField,
        ["chat"] = inputs.Chat.ToString().ToLowerInvariant(),
        ["min_terms"] = inputs.Data.Task is null ? null : inputs.Data.MinTerms,
        ["max_terms"] = inputs.Data.Task is null ? null : inputs.Data.MaxTerms,
        ["job"] = inputs.JobFile is { } file ? Path.GetFullPath(file) : null,
        ["prompts"] = inputs.Prompts.Count,
        ["overlong_left_out"] = inputs.Dropped,
    };

    private static JsonObject Sampling(EvalResult result)
    {
        var settings = result.Inputs.Settings;
        return new JsonObject
        {
            ["seed"] = settings.Seed,
            ["samples"] = settings.Samples,
            ["temperature"] = settings.Temperature,
            ["top_k"] = settings.TopK,
            ["top_p"] = settings.TopP,
            ["max_new_tokens"] = settings.MaxNewTokens,
            ["batch_size"] = settings.BatchSize,
            ["prompts_per_batch"] = settings.PromptsPerBatch,
            ["device"] = result.Options.Device,
            ["dtype"] = result.Options.Type,
            ["threads"] = result.Options.Threads,
        };
    }

    private static void Model(Utf8JsonWriter writer, string name, EvalResult result, EvaluatedModel model)
    {
        writer.WriteStartObject(name);
        writer.WriteString("path", model.Model.Location.Given);
        writer.WriteString("folder", model.Model.Location.Folder);
        writer.WriteString("weights_sha256", model.Answers.Sha256);
        writer.WriteNumber("parameters", model.Model.Config.ParameterCount());
        Node(writer, "stop_tokens", new JsonArray([.. model.Model.StopTokens.Select(id => (JsonNode)id)]));
        writer.WriteNumber("tokens", model.Answers.Tokens);
        writer.WriteNumber("seconds", Math.Round(model.Answers.Seconds, 3));
        writer.WriteNumber("scored_prompts", model.Summary.ScoredPrompts);
        Node(writer, "metrics", new JsonObject(model.Summary.Objectives.Select(objective => KeyValuePair.Create(objective.Name, (JsonNode?)new JsonObject(objective.Metrics.Select(Estimate))))
            .Append(KeyValuePair.Create("responses", (JsonNode?)new JsonObject([Estimate(model.Summary.Length with { Name = "length" }), Estimate(model.Summary.Stopped)])))));
        Node(writer, "failures", new JsonObject(model.Scored.Columns.Select(column => KeyValuePair.Create(column.Objective, (JsonNode?)new JsonObject
        {
            ["failed"] = column.FailedCount,
            ["dropped"] = column.DroppedCount,
            ["retries"] = column.Retries,
            ["first"] = column.FirstFailure,
        }))));

        // One line per prompt: a thousand of them stay readable.
        writer.WriteStartArray("prompts");
        foreach (var prompt in model.Scored.Prompts)
        {
            writer.WriteRawValue("\n      " + new JsonObject
            {
                ["row"] = prompt.Prompt.Row,
                ["prompt_tokens"] = prompt.Prompt.Tokens.Length,
                ["lengths"] = new JsonArray([.. prompt.Responses.Select(response => (JsonNode)response.Response.Length)]),
                ["stopped"] = new JsonArray([.. prompt.Responses.Select(response => (JsonNode)response.Response.Stopped)]),
                ["scores"] = new JsonObject(result.Inputs.Job.Objectives.Select((objective, j) => KeyValuePair.Create(objective.Name, (JsonNode?)new JsonArray([.. prompt.Responses.Select(response => (JsonNode?)response.Scores[j])])))),
            }.ToJsonString(compact));
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static KeyValuePair<string, JsonNode?> Estimate(MetricEstimate metric) =>
        KeyValuePair.Create(metric.Name, (JsonNode?)new JsonObject { ["value"] = metric.Value, ["low"] = metric.Interval?.Low, ["high"] = metric.Interval?.High });

    private static JsonArray Comparison(BaselineComparison comparison) => new([.. comparison.Rows.Select(row => (JsonNode)new JsonObject
    {
        ["name"] = row.Name,
        ["model"] = row.Mean,
        ["baseline"] = row.Baseline,
        ["difference"] = row.Difference,
        ["low"] = row.Interval?.Low,
        ["high"] = row.Interval?.High,
        ["p_value"] = row.Test.PValue,
        ["p_exact"] = row.Test.Exact,
        ["arrangements"] = row.Test.Arrangements,
        ["prompts"] = comparison.Prompts,
        ["wins"] = row.Wins,
        ["ties"] = row.Ties,
        ["losses"] = row.Losses,
    })]);

    /// <summary>JSON has no NaN.</summary>
    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static void Node(Utf8JsonWriter writer, string name, JsonNode value)
    {
        writer.WritePropertyName(name);
        value.WriteTo(writer);
    }
}
