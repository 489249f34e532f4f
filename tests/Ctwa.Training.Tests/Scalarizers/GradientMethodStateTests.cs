using System.Text.Json;
using Ctwa.Training.Runs;
using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>State and contract that all gradient methods share.</summary>
public sealed class GradientMethodStateTests
{
    private static readonly Dictionary<string, ScalarizerSpec> specs = new()
    {
        ["mgda"] = new MgdaScalarizerSpec { Normalization = GradientNormalization.LossPlus, Rescale = true },
        ["mgda reference"] = new MgdaScalarizerSpec { Mode = MethodMode.Reference },
        ["mgda reference per slice"] = new MgdaScalarizerSpec { Mode = MethodMode.Reference, PerSlice = true, Normalization = GradientNormalization.L2 },
        ["gradnorm"] = new GradNormScalarizerSpec(),
        ["gradnorm reference"] = new GradNormScalarizerSpec { Mode = MethodMode.Reference },
        ["dynamic"] = new DynamicScalarizerSpec { Influence = InfluenceKind.Cosine },
        ["dynamic reference"] = new DynamicScalarizerSpec { Mode = MethodMode.Reference, WeightAccumulationSteps = 3, Regularization = 1e-9 },
        ["pcgrad"] = new PCGradScalarizerSpec { OrderSeed = 5 },
        ["pcgrad fixed"] = new PCGradScalarizerSpec { Order = ProjectionOrder.Fixed },
        ["cagrad"] = new CAGradScalarizerSpec { C = 0.7 },
        ["imtl_g"] = new ImtlGScalarizerSpec { Rescale = true },
        ["nash_mtl"] = new NashMtlScalarizerSpec { MaxNorm = 0.5 },
        ["nash_mtl fair"] = new NashMtlScalarizerSpec { Fairness = 2 },
        ["aligned_mtl"] = new AlignedMtlScalarizerSpec(),
        ["upgrad"] = new UPGradScalarizerSpec(),
    };

    private static readonly ObjectiveSpec[] Three = [Objectives.Of("a", .5), Objectives.Of("b", .25), Objectives.Of("c", .25)];

    public static TheoryData<string> All() => [.. specs.Keys];

    /// <summary>Scores, gradients and two updates of a step; what comes out: weights of the rewards or coefficients, and the next state.</summary>
    private static (double[] Output, ScalarizerState State) Step(IScalarizer method, ScalarizerState state, int step)
    {
        double[,] gradients = Jacobians.Normal(3, 6, 3, step), gram = Jacobians.Gram(gradients);
        var outcome = Objectives.Random(step, 3);
        var signals = outcome.Signals with { Step = step, Gram = gram, LearningRate = 1e-6 };
        var scalarization = method.Weigh(signals, state);
        List<double> output = [.. scalarization.Weights];
        for (int update = 0; update < 2 && scalarization is Scalarization.OfGradients; update++)
        {
            double[,] now = Jacobians.Gram(Jacobians.Normal(3, 6, 3, (1000 * step) + update));
            var solution = method.Solve(GradientSignalsOf.Gram(now, losses: [.1 * step, .2, -.1], scores: StepDiagnostics.Means(signals), step: step, update: update, slices: [now, gram]), state);
            output.AddRange(solution.Coefficients);
            output.AddRange(solution.PerSlice?.SelectMany(slice => slice) ?? []);
            state = solution.State;
        }

        return ([.. output], method.Observe(outcome with { Signals = signals }, state).State);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_resume_through_json_equals_the_uninterrupted_run(string name)
    {
        var method = ScalarizerRegistry.Create(specs[name], Three).Scalarizer;
        var state = method.Initial();
        var states = new List<ScalarizerState> { state };
        var outputs = new List<double[]>();
        for (int step = 1; step <= 8; step++)
        {
            (double[] output, state) = Step(method, state, step);
            outputs.Add(output);
            states.Add(state);
        }

        for (int resumed = 1; resumed < 8; resumed++)
        {
            string json = JsonSerializer.Serialize(states[resumed], StateJson.Options);
            var again = JsonSerializer.Deserialize<ScalarizerState>(json, StateJson.Options)!;
            var fresh = ScalarizerRegistry.Create(specs[name], Three).Scalarizer;
            for (int step = resumed + 1; step <= 8; step++)
            {
                (double[] output, again) = Step(fresh, again, step);
                Assert.Equal(outputs[step - 1], output);
            }

            Assert.Equal(JsonSerializer.Serialize(state, StateJson.Options), JsonSerializer.Serialize(again, StateJson.Options));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_resume_with_other_names_or_another_order_is_refused(string name)
    {
        var method = ScalarizerRegistry.Create(specs[name], Three).Scalarizer;
        var state = method.Initial();
        foreach (ObjectiveSpec[] other in (ObjectiveSpec[][])[[Three[1], Three[0], Three[2]], [Three[0], Three[1], Objectives.Of("z", .25)]])
        {
            // Weights in the same places: dynamic's reference needs a sum of 1.
            var changed = ScalarizerRegistry.Create(specs[name], other).Scalarizer;
            Assert.Contains("names and order must be equal", Assert.Throws<InvalidDataException>(() => Step(changed, state, 1)).Message, StringComparison.Ordinal);
            if (method.Requires.HasFlag(ScalarizerSignals.GradientGram)) { Assert.Throws<InvalidDataException>(() => changed.Solve(GradientSignalsOf.Gram(new double[3, 3]), state)); }
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_step_without_any_gradient_gives_finite_coefficients(string name)
    {
        var method = ScalarizerRegistry.Create(specs[name], Three).Scalarizer;
        if (!method.Requires.HasFlag(ScalarizerSignals.GradientGram)) { Assert.Equal(ScalarizerSignals.GramBeforeWeighing, method.Requires); return; }
        var solution = method.Solve(GradientSignalsOf.Gram(new double[3, 3], losses: [1, 1, 1]), method.Initial());
        Assert.All(solution.Coefficients, value => Assert.True(double.IsFinite(value)));
        Assert.Equal(solution.Coefficients, ((Scalarization.OfGradients)method.Weigh(Objectives.Random(1, 3).Signals, solution.State)).Weights);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Objectives_in_another_order_get_the_same_coefficients(string name)
    {
        // The order in which PCGrad's gradients meet is part of the job.
        if (name.StartsWith("pcgrad", StringComparison.Ordinal)) { Assert.IsType<PCGradScalarizerSpec>(specs[name]); return; }
        int[] order = [2, 0, 1];
        var one = ScalarizerRegistry.Create(specs[name], Three).Scalarizer;
        var two = ScalarizerRegistry.Create(specs[name], [.. order.Select(i => Three[i])]).Scalarizer;
        if (!one.Requires.HasFlag(ScalarizerSignals.GradientGram)) { Assert.Equal(ScalarizerSignals.GramBeforeWeighing, one.Requires); return; }
        double[,] gradients = Jacobians.Normal(3, 6, 3, 4), permuted = Jacobians.Permuted(gradients, order);
        double[] losses = [.3, .2, .1], scores = [.2, .5, .9];
        double[] first = one.Solve(GradientSignalsOf.Gradients(gradients, losses, scores), one.Initial()).Coefficients;
        double[] second = two.Solve(GradientSignalsOf.Gradients(permuted, [.. order.Select(i => losses[i])], [.. order.Select(i => scores[i])]), two.Initial()).Coefficients;
        Jacobians.AssertClose([.. order.Select(i => first[i])], second, 1e-6);
    }

    [Fact]
    public void A_reset_of_nash_mtl_reproduces_its_first_solution()
    {
        var method = ScalarizerRegistry.Create(specs["nash_mtl"], Three).Scalarizer;
        var first = Step(method, method.Initial(), 1);
        var later = first.State;
        for (int step = 2; step < 6; step++) { later = Step(method, later, step).State; }
        Assert.NotEqual(first.State.Vectors["coefficients"], later.Vectors["coefficients"]);
        Assert.Equal(first.Output, Step(method, method.Initial(), 1).Output);
    }

    [Fact]
    public void Projection_orders_are_a_function_of_seed_step_and_update()
    {
        double[,] gram = Jacobians.Gram(Jacobians.ThreeRows);
        double[] Solve(long seed, int step, int update)
        {
            var method = ScalarizerRegistry.Create(new PCGradScalarizerSpec { OrderSeed = seed }, Three).Scalarizer;
            return method.Solve(GradientSignalsOf.Gram(gram, step: step, update: update), method.Initial()).Coefficients;
        }

        Assert.Equal(Solve(1, 1, 0), Solve(1, 1, 0));
        Assert.True(Enumerable.Range(0, 20).Select(update => string.Join(" ", Solve(1, 1, update))).Distinct().Count() > 2);
        Assert.True(Enumerable.Range(0, 20).Select(step => string.Join(" ", Solve(1, step, 0))).Distinct().Count() > 2);
        Assert.True(Enumerable.Range(0, 20).Select(seed => string.Join(" ", Solve(seed, 1, 0))).Distinct().Count() > 2);
    }

    [Theory]
    [InlineData("pcgrad")]
    [InlineData("cagrad")]
    [InlineData("imtl_g")]
    [InlineData("nash_mtl")]
    [InlineData("aligned_mtl")]
    [InlineData("upgrad")]
    public void A_method_that_the_reference_lacks_has_no_reference_mode(string name) =>
        Assert.Contains($"has no {name}", Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create((GramScalarizerSpec)specs[name] with { Mode = MethodMode.Reference }, Three)).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_conflict_projections_leave_the_weighted_mean_and_nash_refuses_a_weight_of_zero()
    {
        double[,] gram = Jacobians.Gram(new double[,] { { 1, 0, .1 }, { 0, 1, .1 }, { .1, .1, 1 } });
        foreach (string name in (string[])["pcgrad", "upgrad"])
        {
            var method = ScalarizerRegistry.Create(specs[name], Three).Scalarizer;
            Assert.Equal([.5, .25, .25], method.Solve(GradientSignalsOf.Gram(gram), method.Initial()).Coefficients);
        }

        Assert.Contains("needs a positive one for each", Assert.Throws<ArgumentException>(() => ScalarizerRegistry.Create(specs["nash_mtl"], [Three[0], Objectives.Of("z", 0)])).Message, StringComparison.Ordinal);
    }
}
