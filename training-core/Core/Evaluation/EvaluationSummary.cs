namespace Ctwa.Training.Evaluation;

/// <summary>A mean over prompts with its bootstrap interval.</summary>
/// <param name="Name">Such as <c>mean</c> or <c>best@4</c>.</param>
/// <param name="Value">Mean over prompts.</param>
/// <param name="Interval">Null with fewer than two prompts.</param>
public sealed record MetricEstimate(string Name, double Value, ConfidenceInterval? Interval);

/// <summary>An objective's metrics.</summary>
/// <param name="Name">The objective.</param>
/// <param name="Metrics">mean; with k > 1 answers std@k, and best, worst and (where there are final answers) maj of 2, 4, ... and k.</param>
public sealed record ObjectiveEstimates(string Name, IReadOnlyList<MetricEstimate> Metrics);

/// <summary>What an evaluation comes to. Prompts count alike, however many of their answers were dropped.</summary>
/// <param name="Objectives">In the job's order.</param>
/// <param name="Length">Response tokens.</param>
/// <param name="Stopped">Share of answers that ended with a stop token.</param>
/// <param name="ScoredPrompts">Prompts with at least one answer that no objective drops: those the objectives' metrics are means over.</param>
public sealed record EvaluationSummary(IReadOnlyList<ObjectiveEstimates> Objectives, MetricEstimate Length, MetricEstimate Stopped, int ScoredPrompts)
{
    /// <summary>The numbers of answers that best, worst and majority are told of: 2, 4, 8, ... and k.</summary>
    public static IReadOnlyList<int> Sizes(int samples)
    {
        var sizes = new List<int>();
        for (int k = 2; k < samples; k *= 2) { sizes.Add(k); }
        if (samples > 1) { sizes.Add(samples); }
        return sizes;
    }

    /// <param name="objectives">Their names.</param>
    /// <param name="prompts">Scored.</param>
    /// <param name="settings">Samples, seed, bootstrap.</param>
    /// <exception cref="InvalidDataException">Every answer was dropped, so there is nothing to say.</exception>
    public static EvaluationSummary Of(IReadOnlyList<string> objectives, IReadOnlyList<EvaluatedPrompt> prompts, EvaluationSettings settings)
    {
        EvaluatedPrompt[] scored = [.. prompts.Where(prompt => prompt.Valid.Any())];
        if (scored.Length == 0) { throw new InvalidDataException("every answer was dropped by a failing reward, so there is nothing to report; mend the reward, or use on_failure: substitute."); }

        string[][] votes = [.. scored.Select(prompt => prompt.Valid.Select(response => AnswerVote.Of(response.Response.Text)).ToArray())];
        bool voted = votes.Any(prompt => prompt.Any(vote => vote.Length > 0));
        string[] names = Names(settings.Samples, voted);
        double[][] columns = [.. objectives.SelectMany((_, j) => Columns(scored, votes, voted, j, settings))];
        var intervals = PromptBootstrap.OfMeans(columns, settings.Seed, settings.BootstrapDraws, settings.Level);
        ObjectiveEstimates[] estimates = [.. objectives.Select((name, j) => new ObjectiveEstimates(name, [.. names.Select((metric, m) =>
        {
            int c = (j * names.Length) + m;
            return new MetricEstimate(metric, columns[c].Average(), intervals[c]);
        })]))];

        double[][] lengths =
        [
            [.. prompts.Select(prompt => prompt.Responses.Average(response => (double)response.Response.Length))],
            [.. prompts.Select(prompt => prompt.Responses.Average(response => response.Response.Stopped ? 1.0 : 0))],
        ];
        var around = PromptBootstrap.OfMeans(lengths, settings.Seed, settings.BootstrapDraws, settings.Level);
        return new EvaluationSummary(estimates, new MetricEstimate("response length", lengths[0].Average(), around[0]), new MetricEstimate("stopped", lengths[1].Average(), around[1]), scored.Length);
    }

    private static string[] Names(int samples, bool voted) =>
    [
        "mean",
        .. samples > 1 ? (string[])[$"std@{samples}"] : [],
        .. Sizes(samples).SelectMany(k => (string[])[$"best@{k}", $"worst@{k}", .. voted ? (string[])[$"maj@{k}"] : []]),
    ];

    /// <summary>Per metric of one objective its value for each prompt, in the order of <see cref="Names"/>.</summary>
    private static double[][] Columns(EvaluatedPrompt[] prompts, string[][] votes, bool voted, int objective, EvaluationSettings settings)
    {
        double[][] values = [.. prompts.Select(prompt => prompt.Valid.Select(response => response.Scores[objective]!.Value).ToArray())];
        double[] Each(Func<double[], int, double> metric) => [.. values.Select(metric)];
        return
        [
            Each((scores, _) => MetricMoments.Of(scores).Mean),
            .. settings.Samples > 1 ? (double[][])[Each((scores, _) => MetricMoments.Of(scores).Deviation)] : [],
            .. Sizes(settings.Samples).SelectMany(k => (double[][])
            [
                Each((scores, _) => ValidationMetrics.Best(scores, k).Mean),
                Each((scores, _) => ValidationMetrics.Worst(scores, k).Mean),
                .. voted ? (double[][])[Each((scores, p) => Majority(votes[p], scores, k, settings.Seed, prompts[p].Prompt.Row))] : [],
            ]),
        ];
    }

    /// <summary>Where all answers score the same, so does every majority: nothing needs to be drawn.</summary>
    private static double Majority(string[] votes, double[] scores, int k, long seed, long row) =>
        scores.All(score => score == scores[0]) ? scores[0] : ValidationMetrics.MajorityOf(votes, scores, k, seed, row).Mean;
}
