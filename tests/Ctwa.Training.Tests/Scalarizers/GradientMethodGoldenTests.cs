using Ctwa.TestKit;
using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using Xunit;

namespace Ctwa.Training.Scalarizers;

/// <summary>Reference modes of the gradient methods equal the reference implementation's recorded numbers within the fixtures' tolerances.</summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class GradientMethodGoldenTests
{
    [Fact]
    public void Mgda_equals_every_recorded_case_and_the_exact_solver_every_recorded_optimum()
    {
        var kinds = new HashSet<string>();
        foreach (var item in GoldenFolder.ReferenceCases("mgda"))
        {
            string name = GoldenNumbers.Name(item), kind = item.GetProperty("inputs").GetProperty("fn").GetString()!;
            var (inputs, outputs) = (item.GetProperty("inputs"), item.GetProperty("outputs"));
            double absolute = GoldenNumbers.IsFloat64(item) ? 1e-8 : 2e-5;
            kinds.Add(kind);
            if (kind == "project_to_simplex")
            {
                GoldenNumbers.AssertClose(GoldenNumbers.Row(outputs.GetProperty("w")), SimplexProjection.Of(GoldenNumbers.Row(inputs.GetProperty("v"))), absolute, 0, name + " w");
                continue;
            }

            Assert.Equal("compute_mgda_weights", kind);
            double[,] gradients = GoldenNumbers.Matrix(inputs.GetProperty("grad_mat")), gram = GradientDiagnostics.Products(gradients, gradients);
            var (weights, iterations, converged) = MgdaReferenceScalarizer.Weights(gram);
            GoldenNumbers.AssertClose(GoldenNumbers.Row(outputs.GetProperty("weights")), weights, absolute, 0, name + " weights");

            // Where gradients cancel, the length is only as exact as the weights.
            double longest = Math.Sqrt(Enumerable.Range(0, weights.Length).Max(i => gram[i, i]));
            GoldenTensor.AssertClose(Math.Sqrt(outputs.GetProperty("norm_sq").GetDouble()), StepLength.Of(gram, weights), absolute * longest, 0.5e-4, name + " root of norm_sq");
            int recorded = outputs.GetProperty("iterations").GetInt32();
            Assert.True(Math.Abs(recorded - iterations) <= 2, $"{name}: {iterations} iterations, recorded {recorded}.");
            if (recorded < 198) { Assert.Equal(outputs.GetProperty("converged").GetBoolean(), converged); }

            // Method and state around it give the same.
            var method = new MgdaReferenceScalarizer(new() { Mode = MethodMode.Reference }, [.. weights.Select((_, i) => Objectives.Of($"o{i}"))]);
            Assert.Equal(weights, method.Solve(GradientSignalsOf.Gram(gram), method.Initial()).Coefficients);

            double[] exact = MinNorm.Solve(gram);
            double optimum = outputs.GetProperty("optimal_norm_sq").GetDouble(), largest = Enumerable.Range(0, exact.Length).Max(i => gram[i, i]);
            GoldenTensor.AssertClose(optimum, SmallMatrix.Quadratic(gram, exact), 1e-12 * largest, 1e-9, name + " optimal_norm_sq");
        }

        Assert.Superset(new HashSet<string> { "compute_mgda_weights", "project_to_simplex" }, kinds);
    }

    [Fact]
    public void Gradnorm_follows_every_recorded_trajectory()
    {
        foreach (var item in GoldenFolder.ReferenceCases("gradnorm"))
        {
            string name = GoldenNumbers.Name(item);
            var (inputs, outputs) = (item.GetProperty("inputs"), item.GetProperty("outputs"));
            var steps = inputs.GetProperty("steps").EnumerateArray().ToList();
            int count = steps[0].GetProperty("loss_vec").GetArrayLength();
            var method = new GradNormReferenceScalarizer(
                new() { Mode = MethodMode.Reference, Alpha = inputs.GetProperty("alpha").GetDouble(), LearningRate = inputs.GetProperty("lr").GetDouble() },
                [.. Enumerable.Range(0, count).Select(i => Objectives.Of($"o{i}"))]);
            var state = method.Initial();
            int? nonFinite = null;
            for (int step = 0; step < steps.Count; step++)
            {
                var expected = outputs.GetProperty("steps")[step];
                double[,] gradients = GoldenNumbers.Matrix(steps[step].GetProperty("grad_mat"));
                double[] losses = GoldenNumbers.Row(steps[step].GetProperty("loss_vec"));
                var signals = GradientSignalsOf.Gradients(gradients, losses, step: step + 1);
                double[] norms = GradientDiagnostics.Magnitudes(signals.Gram);
                var (next, lengths, targets, relative) = method.Update(state, norms, losses);
                double[] weights = next.Vector(GradNormReferenceScalarizer.WeightsVector);
                string at = $"{name}, step {step}: ";
                GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("grad_norms")), norms, 1e-5, 1e-5, at + "grad_norms");
                GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("G")), lengths, 1e-5, 1e-5, at + "G");
                GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("target_G")), targets, 1e-5, 1e-5, at + "target_G");
                GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("rel_loss")), relative, 1e-5, 1e-5, at + "rel_loss");
                GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("weights")), weights, 1e-5, 1e-5, at + "weights");
                if (weights.All(double.IsFinite))
                {
                    var solution = method.Solve(signals, state);
                    Assert.Equal(weights, solution.Coefficients);
                    GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("weighted_grad")), Jacobians.Combine(gradients, solution.Coefficients), 1e-5, 1e-5, at + "weighted_grad");
                }
                else { nonFinite ??= step; }

                state = next;
            }

            GoldenNumbers.AssertClose(GoldenNumbers.Row(outputs.GetProperty("initial_loss")), state.Vector(GradNormReferenceScalarizer.InitialLoss), 1e-5, 1e-5, name + " initial_loss");
            var recorded = outputs.GetProperty("first_nonfinite_step");
            Assert.Equal(recorded.ValueKind == System.Text.Json.JsonValueKind.Null ? null : recorded.GetInt32(), nonFinite);
        }
    }

    [Fact]
    public void Dynamic_follows_every_recorded_trajectory_and_aggregation()
    {
        var kinds = new HashSet<string>();
        foreach (var item in GoldenFolder.ReferenceCases("dynamic"))
        {
            string name = GoldenNumbers.Name(item);
            var (inputs, outputs) = (item.GetProperty("inputs"), item.GetProperty("outputs"));
            var (absolute, relative) = GoldenNumbers.IsFloat64(item) ? (1e-10, 1e-9) : (2e-6, 1e-5);
            bool aggregate = inputs.TryGetProperty("fn", out var fn);
            kinds.Add(aggregate ? fn.GetString()! : "steps");
            if (aggregate)
            {
                Assert.Equal("aggregate", fn.GetString());
                CheckAggregation(item, absolute, relative);
                continue;
            }

            double[] start = GoldenNumbers.Row(inputs.GetProperty("initial_weights"));
            var method = new DynamicReferenceScalarizer(
                new() { Mode = MethodMode.Reference, Regularization = inputs.GetProperty("regularization_factor").GetDouble(), WeightAccumulationSteps = inputs.GetProperty("weight_accumulation_steps").GetInt32() },
                [.. start.Select((weight, i) => Objectives.Of($"o{i}", weight))]);
            var state = method.Initial();
            int step = 0;
            foreach (var now in inputs.GetProperty("steps").EnumerateArray())
            {
                var expected = outputs.GetProperty("steps")[step++];
                double[,] gradients = GoldenNumbers.Matrix(now.GetProperty("grad_mat")), gram = GradientDiagnostics.Products(gradients, gradients);
                double rate = now.GetProperty("lr").GetDouble();
                var (next, influence, shift) = method.Update(state, gram, rate, step);
                string at = $"{name}, step {step}: ";
                Assert.Equal(expected.GetProperty("updated").GetBoolean(), influence is not null);
                if (influence is not null)
                {
                    GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("gradient_influences")), influence, absolute, relative, at + "gradient_influences");
                    GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("update_factor")), [.. shift!.Select(value => (double)MathF.Exp((float)value))], absolute, relative, at + "update_factor");
                }

                GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("weights")), next.Vector(DynamicReferenceScalarizer.WeightsVector), absolute, relative, at + "weights");
                GoldenNumbers.AssertClose(GoldenNumbers.Row(expected.GetProperty("accumulator")), next.Vector(DynamicReferenceScalarizer.Accumulator), absolute, relative, at + "accumulator");

                // The step's rewards are weighed with the new weights, and Observe arrives at the same state.
                var signals = Objectives.Signals(new double[1, start.Length], [0], step: step) with { Gram = gram, LearningRate = rate };
                Assert.Equal(next.Vector(DynamicReferenceScalarizer.WeightsVector), method.Weigh(signals, state).Weights);
                Assert.Equal(next.Vectors, method.Observe(new() { Signals = signals, TrainingSignal = [0] }, state).State.Vectors);
                state = next;
            }
        }

        Assert.Superset(new HashSet<string> { "steps", "aggregate" }, kinds);
    }

    /// <summary>Every token position as one sample; a step with no gradient leaves the weights as they are.</summary>
    private static void CheckAggregation(System.Text.Json.JsonElement item, double absolute, double relative)
    {
        var inputs = item.GetProperty("inputs");
        double[] weights = GoldenNumbers.Row(inputs.GetProperty("weights"));
        double[][] rewards = [.. inputs.GetProperty("token_rewards").EnumerateArray().Select(objective => GoldenNumbers.Matrix(objective).Cast<double>().ToArray())];
        var scores = new double[rewards[0].Length, weights.Length];
        for (int b = 0; b < scores.GetLength(0); b++)
        {
            for (int j = 0; j < weights.Length; j++) { scores[b, j] = rewards[j][b]; }
        }

        var method = new DynamicReferenceScalarizer(new() { Mode = MethodMode.Reference }, [.. weights.Select((weight, i) => Objectives.Of($"o{i}", weight))]);
        var signals = Objectives.Signals(scores, new int[scores.GetLength(0)]) with { Gram = new double[weights.Length, weights.Length], LearningRate = 1 };
        double[] weighed = ((Scalarization.OfRewards)method.Weigh(signals, method.Initial())).Rewards;
        GoldenNumbers.AssertClose([.. GoldenNumbers.Matrix(item.GetProperty("outputs").GetProperty("weighted")).Cast<double>()], weighed, absolute, relative, GoldenNumbers.Name(item));
    }
}
