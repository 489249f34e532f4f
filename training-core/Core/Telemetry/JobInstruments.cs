using System.Diagnostics.Metrics;
using static Ctwa.Training.Telemetry.TelemetryNames;

namespace Ctwa.Training.Telemetry;

/// <summary>
/// Instruments of jobs, meter <c>Ctwa.Training</c>. All but the histograms are told by one process per job: that of its coordinator, which
/// alone commits steps. A step is counted when it is committed, so one that is done again counts once.
/// </summary>
internal static class JobInstruments
{
    private static readonly Meter s_meter = new(TelemetryNames.Training);

    public static readonly JobInstrument StepCount = JobInstrument.Counter(s_meter, "ctwa.job.steps", "{step}", "Steps committed.", StageLabel);
    public static readonly JobInstrument Tokens = JobInstrument.Counter(s_meter, "ctwa.job.tokens", "{token}", "Response tokens of committed steps.", StageLabel);
    public static readonly JobInstrument PhaseTime = JobInstrument.Counter(s_meter, "ctwa.job.phase.time", "s", "Time of committed steps by phase.", PhaseLabel);
    public static readonly JobInstrument CheckpointCount = JobInstrument.Counter(s_meter, "ctwa.job.checkpoints", "{checkpoint}", "Checkpoints written.");
    public static readonly JobInstrument LossCount = JobInstrument.Counter(s_meter, "ctwa.job.losses", "{loss}", "Times that somebody who computed for the job was lost.");
    public static readonly JobInstrument Redos = JobInstrument.Counter(s_meter, "ctwa.job.redos", "{step}", "Steps and other pieces of work begun again after a loss.");
    public static readonly JobInstrument Recoveries = JobInstrument.Counter(s_meter, "ctwa.job.recoveries", "{recovery}", "Losses overcome: a commit followed.", KindLabel);
    public static readonly JobInstrument RecoveryTime = JobInstrument.Counter(s_meter, "ctwa.job.recovery.time", "s", "Time from a loss to the commit that followed, summed.");
    public static readonly JobInstrument Stragglers = JobInstrument.Counter(s_meter, "ctwa.job.stragglers", "{shard}", "Shards given to a second silo because they took too long, and those where it was first.", KindLabel);
    public static readonly JobInstrument Promotions = JobInstrument.Counter(s_meter, "ctwa.job.promotions", "{slice}", "Slices whose mirror took the place of a primary that was lost.");
    public static readonly JobInstrument Dropped = JobInstrument.Counter(s_meter, "ctwa.job.samples.dropped", "{sample}", "Samples that a failed reward dropped.");
    public static readonly JobInstrument Failures = JobInstrument.Counter(s_meter, "ctwa.objective.failures", "{sample}", "Samples without a score of their own after all retries.", ObjectiveLabel);
    public static readonly JobInstrument Interference = JobInstrument.Counter(s_meter, "ctwa.objective.interference", "{event}", "Steps in which the objective fell by more than two standard errors while the training signal rose.", ObjectiveLabel);

    public static readonly JobInstrument Step = JobInstrument.Gauge(s_meter, "ctwa.job.step", "{step}", "Last committed step of the stage.", StageLabel);
    public static readonly JobInstrument Planned = JobInstrument.Gauge(s_meter, "ctwa.job.step.planned", "{step}", "Steps of the stage that the job asks for.", StageLabel);
    public static readonly JobInstrument Committed = JobInstrument.Gauge(s_meter, "ctwa.job.commit.timestamp", "s", "When the last step was committed, as Unix time.");
    public static readonly JobInstrument StepTime = JobInstrument.Gauge(s_meter, "ctwa.job.step.duration", "s", "Time of the last committed step.");
    public static readonly JobInstrument Throughput = JobInstrument.Gauge(s_meter, "ctwa.job.throughput", "{token}/s", "Response tokens of the last committed step per second of the whole step.");
    public static readonly JobInstrument Loss = JobInstrument.Gauge(s_meter, "ctwa.job.loss", null, "Loss of the last committed step.", KindLabel);
    public static readonly JobInstrument GradientNorm = JobInstrument.Gauge(s_meter, "ctwa.job.gradient.norm", null, "Norm of the combined gradient before clipping.");
    public static readonly JobInstrument Conflicts = JobInstrument.Gauge(s_meter, "ctwa.job.gradient.conflicts", "1", "Share of the pairs of objectives whose gradients point against each other.");
    public static readonly JobInstrument Kl = JobInstrument.Gauge(s_meter, "ctwa.job.kl", "{nat}", "Divergence from the policy that sampled, and from the reference policy.", KindLabel);
    public static readonly JobInstrument ClipFraction = JobInstrument.Gauge(s_meter, "ctwa.job.clip.fraction", "1", "Share of tokens whose ratio was clipped.");
    public static readonly JobInstrument Length = JobInstrument.Gauge(s_meter, "ctwa.job.response.length", "{token}", "Mean response length.");
    public static readonly JobInstrument LearningRate = JobInstrument.Gauge(s_meter, "ctwa.job.learning_rate", null, "Learning rate of the last update.");
    public static readonly JobInstrument CheckpointSize = JobInstrument.Gauge(s_meter, "ctwa.job.checkpoint.size", "By", "Size of the last checkpoint.");
    public static readonly JobInstrument Members = JobInstrument.Gauge(s_meter, "ctwa.job.members", "{silo}", "Silos that compute for the job.");
    public static readonly JobInstrument Slices = JobInstrument.Gauge(s_meter, "ctwa.job.slices", "{slice}", "Slices of weights and moments with a mirror, and without.", KindLabel);

    public static readonly JobInstrument Score = JobInstrument.Gauge(s_meter, "ctwa.objective.score", null, "Mean score of the last committed step.", ObjectiveLabel);
    public static readonly JobInstrument Weight = JobInstrument.Gauge(s_meter, "ctwa.objective.weight", null, "Weight of the objective in the training signal.", ObjectiveLabel);
    public static readonly JobInstrument Covariance = JobInstrument.Gauge(s_meter, "ctwa.objective.covariance", null, "Within-prompt covariance of the score with the training signal.", ObjectiveLabel);
    public static readonly JobInstrument Correlation = JobInstrument.Gauge(s_meter, "ctwa.objective.correlation", null, "The same as a correlation.", ObjectiveLabel);
    public static readonly JobInstrument Realised = JobInstrument.Gauge(s_meter, "ctwa.objective.realised", null, "Change of the objective that the step realised on its own samples.", ObjectiveLabel);
    public static readonly JobInstrument Validation = JobInstrument.Gauge(s_meter, "ctwa.objective.validation", null, "Mean score on held-out prompts, of the last validation.", ObjectiveLabel);
    public static readonly JobInstrument Cosine = JobInstrument.Gauge(s_meter, "ctwa.objective.cosine", null, "Cosine between the gradients of two objectives, of the last measurement.", ObjectiveLabel, OtherLabel);

    /// <summary>By the process of the coordinator, of all its jobs together.</summary>
    public static readonly Histogram<double> StepDuration = s_meter.CreateHistogram("ctwa.step.duration", "s", "Time of committed steps.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });

    /// <summary>By the process where the job's rewards are opened, of all its jobs together.</summary>
    public static readonly Histogram<double> RewardDuration = s_meter.CreateHistogram("ctwa.reward.duration", "s", "Time that a source of scores took for a batch.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });

    // From a tiny model on a processor to a validation of a large one.
    private static double[] Seconds => [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];
}
