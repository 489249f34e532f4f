using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Advantages;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Advantages;

public sealed class TokenLevelAdvantagesTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Supported_estimators_equal_the_reference()
    {
        var checkedCases = new Dictionary<string, int> { ["reinforce_plus_plus"] = 0, ["grpo"] = 0 };
        foreach (var one in GoldenFolder.ReferenceCases("advantages"))
        {
            // Other estimators, and the pipeline with a penalty in the reward, are not part of this build.
            if (!one.GetProperty("inputs").TryGetProperty("estimator", out var estimator) || !checkedCases.ContainsKey(estimator.GetString()!)) { continue; }
            checkedCases[estimator.GetString()!]++;
            Check(one);
        }

        Assert.All(checkedCases, pair => Assert.True(pair.Value > 0, $"no golden case of {pair.Key}."));
    }

    [Fact]
    public void A_response_alone_in_its_group_has_no_advantage()
    {
        using var scope = torch.NewDisposeScope();
        var rewards = torch.tensor(new float[] { 0, 5, 0, 1, 0, 0 }, [3, 2]);
        var advantages = TokenLevelAdvantages.GroupRelative(rewards, torch.ones_like(rewards), [7, 1, 1], normalizeByStd: true);
        double[] values = GoldenTensor.ToArray(advantages);
        Assert.Equal([0, 0], values[..2]);
        Assert.Equal(0.7071, values[2], 1e-4);
        Assert.Equal(-0.7071, values[4], 1e-4);
    }

    private static void Check(JsonElement one)
    {
        using var scope = torch.NewDisposeScope();
        string name = one.GetProperty("name").GetString()!;
        var inputs = one.GetProperty("inputs");
        var outputs = one.GetProperty("outputs");
        var type = GoldenTensor.TypeOf(one);
        var (absolute, relative) = type == torch.ScalarType.Float64 ? (1e-9, 1e-9) : (5e-6, 1e-5);
        var rewards = GoldenTensor.Read(inputs.GetProperty("token_level_rewards"), type);
        var mask = GoldenTensor.Read(inputs.GetProperty("response_mask"), type);
        bool plusPlus = inputs.GetProperty("estimator").GetString() == "reinforce_plus_plus";
        if (outputs.TryGetProperty("error", out _))
        {
            Assert.True(plusPlus, $"{name}: only whitening fails.");
            Assert.Throws<ArgumentException>(() => TokenLevelAdvantages.ReinforcePlusPlus(rewards, mask, inputs.GetProperty("gamma").GetDouble()));
            return;
        }

        var (advantages, returns) = plusPlus
            ? TokenLevelAdvantages.ReinforcePlusPlus(rewards, mask, inputs.GetProperty("gamma").GetDouble())
            : Both(TokenLevelAdvantages.GroupRelative(
                rewards, mask, Groups(inputs.GetProperty("index")), inputs.GetProperty("norm_adv_by_std_in_grpo").GetBoolean(), keepLoneReward: true));
        GoldenTensor.AssertClose(outputs.GetProperty("advantages"), advantages, absolute, relative, name + " advantages");
        GoldenTensor.AssertClose(outputs.GetProperty("returns"), returns, absolute, relative, name + " returns");
    }

    private static (Tensor, Tensor) Both(Tensor advantages) => (advantages, advantages);

    private static int[] Groups(JsonElement index)
    {
        var numbers = new Dictionary<string, int>();
        return [.. index.EnumerateArray().Select(id => numbers.TryGetValue(id.ToString(), out int n) ? n : numbers[id.ToString()] = numbers.Count)];
    }
}
