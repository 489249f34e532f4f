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
internal sealed class PolicyForward(PreparedJob job, PolicyMemory memory, IBlockModel policy) : IDisposable
{
    private readonly ForwardOptions _options = ForwardOptions.Of(job.Spec, job.Config.VocabSize);
    private IBlockModel? _reference;

    /// <summary>Some of the completions as one batch.</summary>
    /// <param name="rows">Indices of completions.</param>
    public PackedBatch Pack(IReadOnlyList<Completion> completions, int[] rows) =>
        Pack([.. rows.Select(row => completions[row].Prompt.Tokens)], [.. rows.Select(row => completions[row].Tokens)]);

    /// <summary>Prompts and responses as one batch.</summary>
    public PackedBatch Pack(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        policy.Host is null ? PackedBatch.Of(prompts, responses, memory.Device, _options.Packed) : PackedBatch.ForHost(prompts, responses);

    /// <summary>A forward pass of the policy that can be back-propagated.</summary>
    /// <param name="mayRecompute">See <see cref="TrainingPass"/>.</param>
    public ITrainingPass Train(PackedBatch batch, bool withEntropy = false, bool mayRecompute = true) => Pass(batch, _options, withEntropy, mayRecompute);

    /// <summary>The same for teacher forcing: at temperature 1.</summary>
    public ITrainingPass TrainSupervised(PackedBatch batch) => Pass(batch, _options.AtTemperatureOne, withEntropy: false, mayRecompute: true);

    private ITrainingPass Pass(PackedBatch batch, ForwardOptions options, bool withEntropy, bool mayRecompute) => policy.Host is { } host
        ? new HostTrainingPass(host, batch, options, withEntropy, mayRecompute)
        : new TrainingPass(policy, batch, options, withEntropy, mayRecompute);

    /// <summary>Takes the loss scale out of gradients that a shard has finished.</summary>
    public void Unscale(IEnumerable<Tensor> gradients)
    {
        if (_options.LossScale == 1) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var gradient in gradients) { gradient.mul_(Scalars.Of(1 / _options.LossScale)); }
    }

    /// <summary>Hidden states of the policy that predict the response tokens, shape [N, hidden].</summary>
    public Tensor Hidden(PackedBatch batch) => Hidden(policy, batch);

    /// <summary>Log-probabilities of the response tokens under the policy, [N], in nats, without a graph.</summary>
    /// <param name="hidden">From <see cref="Hidden(PackedBatch)"/>.</param>
    public Tensor LogProbabilities(Tensor hidden, PackedBatch batch) => LogProbabilities(policy, hidden, batch);

    /// <summary>Log-probabilities of the response tokens under the policy, shape [N], without a graph.</summary>
    public Tensor OfPolicy(PackedBatch batch) => LogProbabilities(policy, Hidden(policy, batch), batch);

    /// <summary>The same under the reference policy.</summary>
    /// <exception cref="InvalidOperationException">No reference policy is loaded.</exception>
    public Tensor OfReference(PackedBatch batch)
    {
        _reference ??= job.CreateReference(memory);
        return LogProbabilities(_reference, Hidden(_reference, batch), batch);
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

    private static Tensor Hidden(IPolicyModel model, PackedBatch batch)
    {
        using var noGrad = no_grad();
        return model.Host is { } host ? HostScores.Hidden(host, batch) : batch.SelectResponses(model.Hidden(batch.Sequences));
    }

    private Tensor LogProbabilities(IPolicyModel model, Tensor hidden, PackedBatch batch) => model.Host is { } host
        ? HostScores.LogProbabilities(host, hidden, batch, _options)
        : TokenScores.InChunks(model, hidden, batch.Targets, _options.Temperature, withEntropy: false, _options.LogitRows).LogProbabilities;
}
