using Ctwa.Training.Advantages;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>Every method on the level of rewards, advantages and weights, for three objectives, with the facts that tests need.</summary>
/// <param name="Options">Options when the objectives are in the given order (new objective i is old objective order[i]).</param>
/// <param name="Normalised">Its weights sum to 1.</param>
internal sealed record ScoreMethod(string Name, Func<int[], ScalarizerSpec> Options, bool Normalised = true)
{
    public static readonly string[] Names = ["accuracy", "conciseness", "clarity"];

    private static readonly double[] Weights = [0.5, 0.25, 0.25];

    public static IReadOnlyList<ScoreMethod> All { get; } =
    [
        new("linear", _ => new LinearScalarizerSpec()),
        new("linear group", _ => new LinearScalarizerSpec { Normalize = ScoreNormalization.Group }),
        new("linear batch", _ => new LinearScalarizerSpec { Normalize = ScoreNormalization.Batch }),
        new("ctwa balanced", _ => new CtwaScalarizerSpec { Floor = 0.05, Cap = 0.6 }),
        new("ctwa targets", order => new CtwaScalarizerSpec { Targets = new(Pick(order, 0.3, 0.9, 0.5)), Floor = 0.05, Cap = 0.6 }),
        new("lagrangian linear", order => Lagrangian(order, DualUpdate.Linear)),
        new("lagrangian log", order => Lagrangian(order, DualUpdate.Log)),
        new("lagrangian pid", order => Lagrangian(order, DualUpdate.Pid)),
        new("lagrangian reference", _ => new LagrangianScalarizerSpec { Mode = MethodMode.Reference, Constraints = new([0.9, 0.4]), DualLearningRate = 0.5 }, Normalised: false),
        new("tchebycheff expected", _ => new TchebycheffScalarizerSpec()),
        new("tchebycheff sample", _ => new TchebycheffScalarizerSpec { Form = DistanceForm.Sample }),
        new("tchebycheff scaled", order => new TchebycheffScalarizerSpec { Form = DistanceForm.Sample, Ideal = new(Pick(order, 1, 1, 2)), Nadir = new(Pick(order, 0, -1, 0.5)) }),
        new("tchebycheff reference", _ => new TchebycheffScalarizerSpec { Mode = MethodMode.Reference }),
        new("pama", _ => new PamaScalarizerSpec()),
        new("pama reference", _ => new PamaScalarizerSpec { Mode = MethodMode.Reference }),
        new("gdpo", _ => new GdpoScalarizerSpec()),
        new("gdpo plain", _ => new GdpoScalarizerSpec { Whiten = false }),
        new("dvao", _ => new DvaoScalarizerSpec()),
        new("rvpo", _ => new RvpoScalarizerSpec()),
        new("rvpo plain", _ => new RvpoScalarizerSpec { K = 5, Whiten = false }),
        new("stch expected", order => new StchScalarizerSpec { Ideal = new(Pick(order, 1, 1, 2)), Nadir = new(0.0) }),
        new("stch sample", _ => new StchScalarizerSpec { Form = DistanceForm.Sample }),
        new("famo", _ => new FamoScalarizerSpec()),
        new("hypervolume", _ => new HypervolumeScalarizerSpec(), Normalised: false),
    ];

    public static ScoreMethod Of(string name) => All.Single(method => method.Name == name);

    /// <summary>The numbers of the old objectives in the new order.</summary>
    public static double[] Pick(int[] order, params double[] values) => [.. order.Select(old => values[old])];

    public ScalarizerSetup Setup(int[]? order = null)
    {
        order ??= [0, 1, 2];
        return ScalarizerRegistry.Create(Options(order), [.. order.Select(old => Objectives.Of(Names[old], Weights[old]))]);
    }

    public IScalarizer Create(int[]? order = null) => Setup(order).Scalarizer;

    /// <summary>Signals with everything that any of these methods may require: lengths, advantages per objective, clipping.</summary>
    public static StepSignals Complete(StepSignals signals)
    {
        int count = signals.Valid.Length;
        int[] lengths = [.. Enumerable.Range(0, count).Select(b => 1 + (b % 5))];
        var spec = new AdvantageSpec { Estimator = AdvantageEstimator.Grpo };
        return signals with
        {
            Lengths = lengths, LearningRate = 0.1, ReferenceOpen = [.. Enumerable.Range(0, count).Select(b => 1 - (0.1 * (b % 3)))],
            ObjectiveAdvantages = [.. Enumerable.Range(0, signals.Scores.GetLength(1)).Select(j => OutcomeEstimator.Estimate(spec, PerObjective.Column(signals, j), lengths, signals.Groups, signals.Valid))],
        };
    }

    /// <summary>A random complete step; scores are multiplied by <paramref name="scale"/>.</summary>
    public static StepOutcome Step(long seed, double scale = 1)
    {
        var outcome = Objectives.Random(seed, Names.Length);
        double[,] scores = (double[,])outcome.Signals.Scores.Clone();
        for (int b = 0; b < scores.GetLength(0); b++)
        {
            for (int j = 0; j < Names.Length; j++) { scores[b, j] *= scale; }
        }

        return outcome with { Signals = Complete(outcome.Signals with { Scores = scores }), TrainingSignal = [.. outcome.TrainingSignal.Select(value => value * scale)] };
    }

    /// <summary>Mean scores of some validation.</summary>
    public static double[] Validation(long seed, double scale = 1) => [.. Enumerable.Range(0, Names.Length).Select(j => scale * CounterRandom.Uniform(seed, RandomPurpose.Test, 200, j, 0, 0))];

    private static LagrangianScalarizerSpec Lagrangian(int[] order, DualUpdate update) => new()
    {
        Primary = Names[0], Constraints = new([.. order.Where(old => old != 0).Select(old => old == 1 ? 0.9 : 0.4)]), DualUpdate = update, DualLearningRate = 0.5,
    };
}
