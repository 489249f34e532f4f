using Ctwa.TestKit;
using Ctwa.Training.Losses;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Losses;

public sealed class KullbackLeiblerTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void The_low_variance_estimate_equals_the_reference()
    {
        int found = 0;
        foreach (var one in GoldenFolder.ReferenceCases("kl_and_value"))
        {
            // k3 is the reference's other name of it; other kinds and value losses are not part of this build.
            var inputs = one.GetProperty("inputs");
            if (!inputs.TryGetProperty("fn", out var function) || function.GetString() != "kl_penalty") { continue; }
            if (inputs.GetProperty("kind").GetString() is not ("low_var_kl" or "k3")) { continue; }
            found++;
            using var scope = torch.NewDisposeScope();
            string name = one.GetProperty("name").GetString()!;
            var type = GoldenTensor.TypeOf(one);
            var (absolute, relative) = type == torch.ScalarType.Float64 ? (1e-10, 1e-9) : (2e-6, 5e-6);
            var policy = GoldenTensor.Read(inputs.GetProperty("log_prob"), type).requires_grad_();
            var reference = GoldenTensor.Read(inputs.GetProperty("ref_log_prob"), type);
            var divergence = KullbackLeibler.LowVariance(policy, reference);
            divergence.sum().backward();
            GoldenTensor.AssertClose(one.GetProperty("outputs").GetProperty("kl"), divergence, absolute, relative, name);
            GoldenTensor.AssertClose(one.GetProperty("outputs").GetProperty("grad_log_prob_of_sum"), policy.grad!, absolute, relative, name + " gradient");

            policy.grad!.zero_();
            KullbackLeibler.LowVarianceLoss(policy, reference, torch.ones_like(reference)).backward();
            GoldenTensor.AssertClose(one.GetProperty("outputs").GetProperty("grad_log_prob_of_sum"), policy.grad!, absolute, relative, name + " weighted gradient");
        }

        Assert.True(found > 0, "no golden case of low_var_kl.");
    }

    [Fact]
    public void Padding_reaches_neither_the_loss_nor_the_gradient()
    {
        using var scope = torch.NewDisposeScope();
        var policy = torch.tensor(new[] { -1f, -2f, float.NegativeInfinity, float.NaN }, [1, 4]).requires_grad_();
        var reference = torch.tensor(new[] { -1.5f, -2f, -1f, 0f }, [1, 4]);
        var weights = torch.tensor(new[] { 0.5f, 0.5f, 0f, 0f }, [1, 4]);
        var loss = KullbackLeibler.LowVarianceLoss(policy, reference, weights);
        loss.backward();
        Assert.Equal(0.5 * (Math.Exp(-0.5) + 0.5 - 1), loss.ToDouble(), 1e-7);
        double[] gradient = GoldenTensor.ToArray(policy.grad!);
        Assert.Equal(0.5 * (1 - Math.Exp(-0.5)), gradient[0], 1e-7);
        Assert.Equal([0, 0, 0], gradient[1..]);
    }
}
