using System.Runtime.InteropServices;
using Ctwa.Training.Advantages;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Rollouts;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>Forward passes over completions under the policy being trained and the reference policy, at the temperature of sampling. Belongs to one lane.</summary>
/// <param name="policy">The lane's view of the policy; its owner disposes of it.</param>
internal sealed class PolicyForward(PreparedJob job, PolicyMemory memory, IPolicyModel policy) : IDisposable
{
    private IPolicyModel? _reference;

    /// <summary>Some of the completions as one batch.</summary>
    /// <param name="rows">Indices of completions.</param>
    public PackedBatch Pack(IReadOnlyList<Completion> completions, int[] rows) =>
        PackedBatch.Of([.. rows.Select(row => completions[row].Prompt.Tokens)], [.. rows.Select(row => completions[row].Tokens)], memory.Device);

    /// <summary>Hidden states of the policy that predict the response tokens, shape [N, hidden].</summary>
    public Tensor Hidden(PackedBatch batch) => Hidden(policy, batch);

    /// <summary>Log-probabilities of the response tokens under the policy, and the entropy of their distributions if asked, each [N], in nats.</summary>
    /// <param name="hidden">From <see cref="Hidden(PackedBatch)"/>.</param>
    public (Tensor LogProbabilities, Tensor? Entropy) LogProbabilities(Tensor hidden, PackedBatch batch, bool withEntropy = false) => LogProbabilities(policy, hidden, batch, withEntropy);

    /// <summary>Log-probabilities of the response tokens under the policy, shape [N].</summary>
    public Tensor OfPolicy(PackedBatch batch) => LogProbabilities(policy, Hidden(policy, batch), batch, withEntropy: false).LogProbabilities;

    /// <summary>The same under the reference policy, without a graph.</summary>
    /// <exception cref="InvalidOperationException">No reference policy is loaded.</exception>
    public Tensor OfReference(PackedBatch batch)
    {
        if (_reference is null)
        {
            if (memory.Reference is null) { throw new InvalidOperationException("the job compares with the reference policy but none is loaded."); }
            _reference = job.CreateModel(memory.Reference);
        }

        using var noGrad = no_grad();
        return LogProbabilities(_reference, Hidden(_reference, batch), batch, withEntropy: false).LogProbabilities;
    }

    /// <summary>A float32 tensor's numbers on the host, in order.</summary>
    public static float[] Floats(Tensor values)
    {
        using var host = values.cpu().contiguous();
        return MemoryMarshal.Cast<byte, float>(host.bytes).ToArray();
    }

    /// <summary>Advantages of the rows' tokens, row after row.</summary>
    /// <param name="advantages">Of all completions, in their order.</param>
    public static float[] TokenAdvantages(OutcomeAdvantages advantages, IReadOnlyList<Completion> completions, int[] rows)
    {
        float[] values = new float[rows.Sum(row => completions[row].Tokens.Length)];
        int at = 0;
        foreach (int row in rows)
        {
            int length = completions[row].Tokens.Length;
            if (advantages.Streams.Count == 0) { advantages.TokenAdvantages(row, length, values.AsSpan(at)); }
            else { advantages.TokenAdvantages(row, completions[row].Signals!.Advantages, values.AsSpan(at)); }
            at += length;
        }

        return values;
    }

    public void Dispose() => _reference?.Dispose();

    private static Tensor Hidden(IPolicyModel model, PackedBatch batch) => batch.SelectResponses(model.Hidden(batch.Ids));

    private (Tensor LogProbabilities, Tensor? Entropy) LogProbabilities(IPolicyModel model, Tensor hidden, PackedBatch batch, bool withEntropy)
    {
        var logits = model.Logits(hidden);
        double temperature = job.Spec.Rollout.Temperature;
        if (temperature != 1) { logits = logits.DividedBy(temperature); }
        if (!withEntropy) { return (Numerics.TokenDistribution.LogProbabilities(logits, batch.Targets), null); }
        return Numerics.TokenDistribution.Measure(logits, batch.Targets);
    }
}
