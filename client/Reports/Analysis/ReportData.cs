namespace Ctwa.Client.Reports.Analysis;

/// <summary>What a page shows, as it is embedded in it. Lists over objectives are in the order of <see cref="Objectives"/>; what is not known is null.</summary>
/// <param name="Tool">Who wrote it.</param>
/// <param name="Generated">When, UTC.</param>
/// <param name="Objectives">Names, shape [M].</param>
/// <param name="Runs">Ranked: the best first.</param>
/// <param name="Differences">Settings in which the runs' jobs differ.</param>
internal sealed record ReportData(string Tool, string Generated, IReadOnlyList<string> Objectives, IReadOnlyList<RunData> Runs, IReadOnlyList<SettingData> Differences);

/// <summary>A setting and its value in each run, as JSON text.</summary>
internal sealed record SettingData(string Key, IReadOnlyList<string?> Values);

/// <summary>One run.</summary>
internal sealed record RunData
{
    public required string Label { get; init; }

    public required string Path { get; init; }

    public string? Name { get; init; }

    public string? Kind { get; init; }

    public string? Method { get; init; }

    public string? Mode { get; init; }

    public long? Seed { get; init; }

    /// <summary>Last step of the stage that it is in.</summary>
    public int Steps { get; init; }

    public int? StepsTotal { get; init; }

    public bool Finished { get; init; }

    /// <summary>Place in the ranking, from 1; null: it has no held-out measurements to rank it by.</summary>
    public int? Rank { get; init; }

    public double? WorstGain { get; init; }

    public required StageData Rl { get; init; }

    public required StageData Supervised { get; init; }

    public required ValidationData Validation { get; init; }

    public required CosineData? Cosines { get; init; }

    public required PredictionData Prediction { get; init; }

    public required InterferenceData Interference { get; init; }

    public required TimeData Time { get; init; }

    public required SampleData Samples { get; init; }

    public required FaultData Faults { get; init; }

    public required TargetData Targets { get; init; }

    public Output.RunSummary? Summary { get; init; }

    /// <summary>Text of job.yaml.</summary>
    public string? Job { get; init; }

    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>The metrics of a stage.</summary>
/// <param name="Axes">Lists of steps that series share.</param>
/// <param name="Series">By name of the metric.</param>
/// <param name="Thinned">Points that a series has at most, if any was longer; see <see cref="Thinning"/>.</param>
/// <param name="LeftOut">Metrics for which there was no room.</param>
internal sealed record StageData(IReadOnlyList<IReadOnlyList<int>> Axes, IReadOnlyDictionary<string, SeriesData> Series, int? Thinned, int LeftOut);

/// <summary>One metric.</summary>
/// <param name="A">Number of its axis.</param>
/// <param name="V">Values.</param>
internal sealed record SeriesData(int A, IReadOnlyList<double> V);

/// <summary>The validations of a run, oldest first.</summary>
/// <param name="Mean">Shape [validations, M].</param>
/// <param name="Error">Standard errors, the same shape.</param>
/// <param name="Front">No validation of any run of the report is better in one objective and at least as good in all.</param>
/// <param name="Reference">Reference point of the hypervolume, shape [M].</param>
/// <param name="Total">Validations of the run, of which these are some.</param>
internal sealed record ValidationData(IReadOnlyList<int> Steps, IReadOnlyList<double?[]> Mean, IReadOnlyList<double?[]> Error, bool[] Front, IReadOnlyList<double>? Reference, int Total);

/// <summary>Cosines between the gradients of objectives, over stretches of steps.</summary>
/// <param name="Pairs">Places of the two objectives, shape [P].</param>
/// <param name="From">First step of each stretch, shape [T].</param>
/// <param name="To">Last step.</param>
/// <param name="Mean">Mean over the measured steps of the stretch, shape [P, T]; null: none.</param>
/// <param name="Low">Lowest.</param>
/// <param name="High">Highest.</param>
/// <param name="Overall">Mean over all measured steps, shape [P].</param>
/// <param name="Negative">Share of the measured steps with a negative cosine, shape [P].</param>
/// <param name="Measured">Measured steps.</param>
internal sealed record CosineData(IReadOnlyList<int[]> Pairs, int[] From, int[] To, IReadOnlyList<double?[]> Mean, IReadOnlyList<double?[]> Low, IReadOnlyList<double?[]> High, double?[] Overall, double?[] Negative, int Measured);

/// <summary>Predicted against realised improvement.</summary>
/// <param name="Covariance">The covariance law, per step.</param>
/// <param name="Gradient">The gradients, per step.</param>
/// <param name="Validations">Sum of the covariances against the change of the held-out mean, from one validation to the next.</param>
internal sealed record PredictionData(ScatterData? Covariance, ScatterData? Gradient, ScatterData? Validations);

/// <summary>Points of a scatter plot, and numbers over all of them.</summary>
/// <param name="O">Objective of each point.</param>
/// <param name="S">Step of each point.</param>
/// <param name="X">Predicted.</param>
/// <param name="Y">Realised.</param>
/// <param name="Total">Points that the numbers are over; those embedded are some of them, evenly spread.</param>
/// <param name="SameSign">Share of the points with predicted and realised of one sign, points with a zero left out.</param>
/// <param name="Slope">Of the line through the origin.</param>
/// <param name="R2">Share of the realised squares that the line explains.</param>
internal sealed record ScatterData(int[] O, int[] S, double[] X, double[] Y, int Total, double? SameSign, double? Slope, double? R2);

/// <summary>Interference events.</summary>
/// <param name="Counts">Steps in which the first (row) fell while the second (column) gained most, shape [M, M].</param>
/// <param name="Events">Step, place of the one that fell, of the one that gained; the newest so many.</param>
/// <param name="EventSteps">Steps with an event.</param>
/// <param name="Measured">Steps in which events were looked for.</param>
internal sealed record InterferenceData(IReadOnlyList<int[]> Counts, IReadOnlyList<int[]> Events, int EventSteps, int Measured);

/// <summary>Where the time of the steps of reinforcement learning went, in seconds.</summary>
/// <param name="Phases">Names; the last is the rest.</param>
/// <param name="Totals">Over all steps, shape [phases].</param>
/// <param name="Seconds">Of all steps.</param>
/// <param name="From">First step of each stretch, shape [T].</param>
/// <param name="To">Last step.</param>
/// <param name="Mean">Mean per step, shape [phases, T].</param>
internal sealed record TimeData(string[] Phases, double[] Totals, double Seconds, int[] From, int[] To, IReadOnlyList<double[]> Mean);

/// <summary>Completions then and now.</summary>
/// <param name="Kind"><c>same</c>: of the same prompts; <c>unchanged</c>: of the same prompts, all alike; <c>different</c>: no prompt was written twice; <c>none</c>.</param>
/// <param name="Source">What files they are from.</param>
internal sealed record SampleData(string Kind, string? Source, IReadOnlyList<SamplePair> Pairs);

/// <summary>A prompt with its completion at two times.</summary>
/// <param name="Change">Sum over the objectives of the score's change, without sign.</param>
internal sealed record SamplePair(SampleText Before, SampleText? After, double Change);

/// <summary>A completion.</summary>
internal sealed record SampleText(int Step, string Prompt, string Response, string? Truth, IReadOnlyList<double?> Scores, bool Dropped);

/// <summary>What the run survived.</summary>
/// <param name="Recorded">The run has a record of it.</param>
/// <param name="Events">The newest so many.</param>
/// <param name="Left">Older ones that are left out.</param>
/// <param name="Died">Ends of a process without a word: it was killed, or its machine was lost.</param>
internal sealed record FaultData(bool Recorded, IReadOnlyList<Reading.RunFault> Events, int Left, int Died, int Resumes, int TakeOvers, int Redone, int RolledBack, int RedoSteps, double RewardFailures, double Dropped);

/// <summary>What the method aims at.</summary>
/// <param name="Covariance">ctwa: target of each objective; null: the method has none.</param>
/// <param name="Metric">Prefix of the metric that is compared with the targets.</param>
/// <param name="Score">Mean score that each objective shall reach; null: none.</param>
/// <param name="ScoreMetric">What that target is, in words.</param>
internal sealed record TargetData(double?[]? Covariance, string? Metric, double?[]? Score, string? ScoreMetric);
