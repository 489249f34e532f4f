using System.Diagnostics;
using Ctwa.Training.Evaluation;
using Ctwa.Training.Models;
using Ctwa.Training.Rewards;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>A model's answers with their cost.</summary>
/// <param name="Responses">Shape [prompts][samples].</param>
/// <param name="Sha256">Of the weights.</param>
/// <param name="Seconds">Generation alone.</param>
internal sealed record GeneratedAnswers(GeneratedResponse[][] Responses, string Sha256, double Seconds)
{
    public int[] Lengths => [.. Responses.SelectMany(answers => answers.Select(answer => answer.Length))];

    public long Tokens => Lengths.Sum(length => (long)length);
}

/// <summary>One model of an evaluation with all that was found.</summary>
internal sealed record EvaluatedModel(ModelDescription Model, GeneratedAnswers Answers, ScoredEvaluation Scored, EvaluationSummary Summary);

/// <summary>An evaluation from checked inputs to numbers.</summary>
internal sealed class EvalRun(EvalInputs inputs, EvalOptions options, EvalRewards rewards, TextWriter error)
{
    /// <summary>Shortest time between two lines of progress.</summary>
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(5);

    public async Task<EvalResult> RunAsync(CancellationToken cancellationToken)
    {
        // Both models answer before anything is scored: the yardstick of conciseness may be the baseline's length, and two
        // models need not fit into memory together.
        var own = Generate(inputs.Model, inputs.Prompts, "", cancellationToken);
        var other = inputs.Baseline is { } baseline ? Generate(baseline, inputs.BaselinePrompts, "baseline: ", cancellationToken) : null;
        var state = inputs.OwnHeldOut ? ReferenceLength.StateOf(inputs.Model.Location) : null;
        var reference = ReferenceLength.Of(options.ReferenceLength, state, inputs.Job.Objectives, other?.Lengths, own.Lengths);
        var model = await EvaluateAsync(inputs.Model, inputs.Prompts, own, reference, cancellationToken);
        var compared = other is null ? null : await EvaluateAsync(inputs.Baseline!, inputs.BaselinePrompts, other, reference, cancellationToken);
        return new EvalResult(inputs, options, model, compared, reference, compared is null ? null : BaselineComparison.Of(Names, model.Scored.Prompts, compared.Scored.Prompts, inputs.Settings));
    }

    private string[] Names => [.. inputs.Job.Objectives.Select(objective => objective.Name)];

    private GeneratedAnswers Generate(ModelDescription description, IReadOnlyList<EvaluationPrompt> prompts, string prefix, CancellationToken cancellationToken)
    {
        string sha256 = ModelOptions.Guard(description.WeightsSha256);
        using var model = ModelOptions.Load(description, options.Device, options.Type);
        var clock = Stopwatch.StartNew();
        var told = clock.Elapsed;
        var responses = new List<GeneratedResponse[]>();
        long tokens = 0;
        foreach (var answers in ResponseGeneration.Generate(model, prompts, inputs.Settings, cancellationToken))
        {
            responses.Add(answers);
            tokens += answers.Sum(answer => (long)answer.Length);
            if (responses.Count == prompts.Count || responses.Count % inputs.Settings.PromptsPerBatch != 0 || clock.Elapsed - told < patience) { continue; }
            told = clock.Elapsed;
            error.WriteLine(FormattableString.Invariant($"{prefix}{responses.Count} of {prompts.Count} prompts answered, {tokens / clock.Elapsed.TotalSeconds:0} tokens/s"));
        }

        return new GeneratedAnswers([.. responses], sha256, clock.Elapsed.TotalSeconds);
    }

    private async Task<EvaluatedModel> EvaluateAsync(ModelDescription description, IReadOnlyList<EvaluationPrompt> prompts, GeneratedAnswers answers, ReferenceLength reference, CancellationToken cancellationToken)
    {
        try
        {
            var scored = await ResponseScoring.ScoreAsync(inputs.Job.Objectives, rewards.AskAsync, prompts, answers.Responses, new RewardContext(reference.Tokens), cancellationToken);
            foreach (var column in scored.Columns.Where(column => column.FailedCount > 0))
            {
                await error.WriteLineAsync(FormattableString.Invariant($"warning: {description.Location.Given}: objective '{column.Objective}' failed on {column.FailedCount} answers ({column.FirstFailure}); {(column.DroppedCount > 0 ? "they are dropped" : "its substitute_score is used")}."));
            }

            return new EvaluatedModel(description, answers, scored, EvaluationSummary.Of(Names, scored.Prompts, inputs.Settings));
        }
        catch (Exception e) when (e is RewardFailureException or InvalidDataException)
        {
            throw new ToolFailure(ToolExitCodes.RewardFailed, e.Message);
        }
    }
}

/// <summary>Everything that an evaluation found, for table and JSON.</summary>
internal sealed record EvalResult(EvalInputs Inputs, EvalOptions Options, EvaluatedModel Model, EvaluatedModel? Baseline, ReferenceLength Reference, BaselineComparison? Comparison);
