using Ctwa.Training.Datasets;
using Ctwa.Training.Evaluation;
using Ctwa.Training.Models;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>What an evaluation is of, resolved and checked before any weight is read.</summary>
internal sealed record EvalInputs
{
    /// <summary>Answers per prompt and longest answer where neither user nor job says.</summary>
    private const int DefaultSamples = 4, DefaultNewTokens = 512;

    public required ModelDescription Model { get; init; }

    public ModelDescription? Baseline { get; init; }

    /// <summary>Where the objectives come from; nothing else of it counts.</summary>
    public required JobSpec Job { get; init; }

    /// <summary>The job file whose limits, data and (without <c>--reward</c>) objectives count; null: there is none.</summary>
    public string? JobFile { get; init; }

    public required DataSourceSpec Data { get; init; }

    /// <summary>Names the data in messages and results.</summary>
    public required string DataName { get; init; }

    /// <summary>Which prompts the chat template renders.</summary>
    public required ChatMode Chat { get; init; }

    /// <summary>The data are the held-out prompts of the run that the model belongs to.</summary>
    public required bool OwnHeldOut { get; init; }

    public required EvaluationSettings Settings { get; init; }

    public required IReadOnlyList<EvaluationPrompt> Prompts { get; init; }

    /// <summary>The same prompts encoded for the baseline.</summary>
    public IReadOnlyList<EvaluationPrompt> BaselinePrompts { get; init; } = [];

    /// <summary>Prompts left out because they are longer than the job allows and it says drop.</summary>
    public required int Dropped { get; init; }

    /// <exception cref="ToolFailure">Something is wrong; the message says what to do.</exception>
    public static EvalInputs Resolve(EvalOptions options, TextWriter error)
    {
        var model = ModelOptions.Describe(options.Model, error);
        var baseline = options.Baseline is { } other ? ModelOptions.Describe(other, error) : null;
        var (limits, jobFile) = FindJob(options, model);
        var job = options.Rewards.Count > 0 ? JobInspector.WithAbsolutePaths(EvalObjectives.Parse(options.Rewards)) : limits ?? throw Wrong($"'{options.Model}' is no run, so nothing says what counts: give --job JOB.yaml, or --reward NAME=KIND such as --reward accuracy=math_boxed.");
        if (job.Objectives.Count == 0) { throw Wrong($"{jobFile} has no objectives (kind: sft); give --reward NAME=KIND, or --job JOB.yaml of a job with objectives."); }
        var (data, name, split, own) = FindData(options, limits, jobFile);
        long seed = options.Seed ?? limits?.Seed ?? 1;
        // Which problems a task has depends on the job's seed, not on that of the answers.
        var rows = ModelOptions.Guard(() => PromptDataset.Open(data, split, limits?.Seed ?? 1, name));
        int? prompts = options.Prompts ?? (own ? limits!.Schedule.ValidationPrompts : null);
        int room = Math.Min(model.Config.MaxPositionEmbeddings, baseline?.Config.MaxPositionEmbeddings ?? int.MaxValue);
        int maxNew = options.MaxNewTokens ?? limits?.Rollout.MaxNewTokens ?? 0;
        var spec = limits?.Data ?? new DataSpec { Train = data };
        if (options.Chat) { spec = spec with { Chat = ChatMode.Always }; }
        var (kept, dropped) = Encode(model, model.TextsFor(spec), rows, prompts, name, limits, maxNew);
        var texts = baseline?.TextsFor(spec);
        if (maxNew == 0)
        {
            maxNew = Math.Min(DefaultNewTokens, room - kept.Max(prompt => prompt.Tokens.Length));
            if (maxNew < 1) { throw Wrong($"the longest prompt of {name} leaves no room in the {room} positions of the model; shorten it or use a model with more positions."); }
        }

        var settings = new EvaluationSettings
        {
            Seed = seed,
            Samples = options.Samples ?? (options.Temperature == 0 ? 1 : limits?.Schedule.ValidationSamples ?? DefaultSamples),
            MaxNewTokens = maxNew,
            Temperature = options.Temperature ?? limits?.Schedule.ValidationTemperature ?? 1,
            TopK = options.TopK,
            TopP = options.TopP,
            BatchSize = options.BatchSize,
            BootstrapDraws = options.Bootstrap,
        };
        return new EvalInputs
        {
            Model = model,
            Baseline = baseline,
            Job = job,
            JobFile = jobFile,
            Data = data,
            DataName = name,
            Chat = spec.Chat,
            OwnHeldOut = own,
            Settings = settings,
            Prompts = kept,
            BaselinePrompts = baseline is null ? [] : [.. kept.Select(prompt => prompt with { Tokens = EncodeOne(baseline, texts!, prompt.Example, rows.PlaceOf(prompt.Row), maxNew) })],
            Dropped = dropped,
        };
    }

    private static (JobSpec? Job, string? File) FindJob(EvalOptions options, ModelDescription model)
    {
        string? file = options.Job ?? (model.Location.Run is { } run ? Path.Combine(run, "job.yaml") : null);
        if (file is null) { return (null, null); }
        var read = JobSpecReader.Read(file, []);
        return (JobInspector.WithAbsolutePaths(read.Spec ?? throw Wrong(string.Join('\n', read.Errors))), file);
    }

    private static (DataSourceSpec Data, string Name, DatasetSplit Split, bool Own) FindData(EvalOptions options, JobSpec? job, string? jobFile)
    {
        if (options.Data is { } file)
        {
            // Fields that the user does not name are those of the job's held-out data.
            var like = job?.Data.Test ?? job?.Data.Validation;
            var data = new DataSourceSpec { Path = Path.GetFullPath(file) };
            return (data with { PromptField = options.PromptField ?? like?.PromptField ?? data.PromptField, AnswerField = options.AnswerField ?? like?.AnswerField ?? data.AnswerField }, file, DatasetSplit.Test, false);
        }

        if (options.Task is not null)
        {
            var data = new DataSourceSpec { Task = BuiltInTask.Arithmetic };
            return (data with { Count = options.Prompts, MinTerms = options.MinTerms ?? data.MinTerms, MaxTerms = options.MaxTerms ?? data.MaxTerms }, "--task arithmetic", DatasetSplit.Test, false);
        }

        if (job is null) { throw Wrong("no data: give --data FILE or --task arithmetic."); }
        if (job.Data.Test is { } test) { return (test, "data.test", DatasetSplit.Test, options.Job is null); }
        if (job.Data.Validation is { } validation) { return (validation, "data.validation", DatasetSplit.Validation, options.Job is null); }
        throw Wrong($"{jobFile} has neither data.test nor data.validation; give --data FILE or --task arithmetic.");
    }

    private static (List<EvaluationPrompt> Kept, int Dropped) Encode(ModelDescription model, Func<PromptExample, string> texts, PromptDataset rows, int? most, string name, JobSpec? limits, int maxNew)
    {
        var kept = new List<EvaluationPrompt>();
        int dropped = 0;
        for (long row = 0; row < rows.Count && !(kept.Count >= most); row++)
        {
            var example = rows.At(row);
            int limit = limits?.Data.MaxPromptTokens ?? int.MaxValue;
            bool drops = limits?.Data.Overlong == OverlongPolicy.Drop;
            int[] tokens = EncodeOne(model, texts, example, rows.PlaceOf(row), drops ? 0 : maxNew);
            if (tokens.Length > limit && drops) { dropped++; continue; }
            if (tokens.Length > limit) { throw Wrong($"{rows.PlaceOf(row)} has {tokens.Length} tokens, the job's data.max_prompt_tokens is {limit}; shorten it, or evaluate with --job of a job that drops such prompts."); }
            if (drops) { tokens = EncodeOne(model, texts, example, rows.PlaceOf(row), maxNew); }
            kept.Add(new EvaluationPrompt(row, example, tokens));
        }

        return kept.Count > 0 ? (kept, dropped) : throw Wrong($"{name} has no prompt of at most {limits!.Data.MaxPromptTokens} tokens; raise the job's data.max_prompt_tokens.");
    }

    private static int[] EncodeOne(ModelDescription model, Func<PromptExample, string> texts, PromptExample example, string name, int maxNew) =>
        ModelOptions.Guard(() => model.EncodePrompt(texts(example), name, maxNew));

    private static ToolFailure Wrong(string message) => new(ToolExitCodes.BadInput, message);
}
