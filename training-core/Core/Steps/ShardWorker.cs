using System.Runtime.InteropServices;
using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>
/// The tensor work of shards on one compute lane: generation, back-propagation, re-measurement. It owns views of the
/// model for its lane; every call runs on the lane's thread. Results depend on the shard's own data only.
/// </summary>
public sealed class ShardWorker : IDisposable
{
    private readonly PreparedJob _job;
    private readonly PolicyMemory _memory;
    private readonly IPolicyModel _policy;
    private readonly RolloutEngine _engine;
    private IPolicyModel? _reference;

    public ShardWorker(PreparedJob job, PolicyMemory memory)
    {
        _job = job;
        _memory = memory;
        _policy = job.CreateModel(memory.Weights);
        _engine = new RolloutEngine(_policy, memory.Device);
    }

    /// <summary>Samples a shard's part of a rollout.</summary>
    public Completion[] Generate(RolloutRequest request, int shard)
    {
        EncodedPrompt[] prompts = [.. request.Plan.PromptsOf(shard).Select(prompt => _job.Encode(request.Id.Purpose, prompt, request.DatasetIndices[prompt]))];
        return _engine.Generate(prompts, request.Sampling);
    }

    /// <summary>Adds the gradients of a shard's part of a policy update.</summary>
    /// <param name="completions">The shard's completions of this update, in the order of the part's advantages.</param>
    /// <param name="part">What to learn from them.</param>
    /// <param name="gradients">Flat buffers to add to, one per row.</param>
    public UpdateSums AccumulatePolicy(IReadOnlyList<Completion> completions, PolicyPart part, Tensor[] gradients)
    {
        var sums = new UpdateSums();
        for (int first = 0; first < completions.Count; first += _job.Spec.Update.MicroBatchSize)
        {
            int count = Math.Min(_job.Spec.Update.MicroBatchSize, completions.Count - first);
            var rows = Enumerable.Range(first, count).Where(i => part.Advantages[0].Valid[i]).ToArray();
            if (rows.Length > 0) { sums = sums.Plus(PolicyMicroBatch(completions, rows, part, gradients)); }
        }

        return sums;
    }

    /// <summary>Adds the gradient of a shard's part of a supervised batch, the loss being a sum over response tokens.</summary>
    public UpdateSums AccumulateSupervised(long step, PromptRange part, int microBatchSize, Tensor gradient)
    {
        _policy.PointGradientsAt(gradient);
        var sums = new UpdateSums();
        for (int first = part.Start; first < part.End; first += microBatchSize)
        {
            var examples = Enumerable.Range(first, Math.Min(microBatchSize, part.End - first)).Select(i => _job.EncodeSupervised(step, i)).ToArray();
            using var scope = NewDisposeScope();
            var batch = PackedBatch.Of([.. examples.Select(e => e.Prompt)], [.. examples.Select(e => e.Response)], _memory.Device);
            var logits = _policy.Logits(batch.SelectResponses(_policy.Hidden(batch.Ids)));
            var loss = Numerics.TokenDistribution.LogProbabilities(logits, batch.Targets).sum().neg();
            loss.backward();
            sums = sums.Plus(new UpdateSums { Tokens = batch.TokenCount, Loss = loss.item<float>() });
        }

        return sums;
    }

    /// <summary>See <see cref="ITrainingBackend.MeasureAsync"/>; in the order of the completions.</summary>
    /// <param name="signal">Mean token advantage of each.</param>
    public PostUpdateMeasurement[] Measure(IReadOnlyList<Completion> completions, double[] signal, bool fromReference)
    {
        var loss = _job.Spec.Loss;
        var measured = new PostUpdateMeasurement[completions.Count];
        for (int first = 0; first < completions.Count; first += _job.Spec.Update.MicroBatchSize)
        {
            int[] rows = [.. Enumerable.Range(first, Math.Min(_job.Spec.Update.MicroBatchSize, completions.Count - first))];
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var batch = Pack(completions, rows);
            float[] other = Floats(fromReference ? ReferenceLogProbabilities(batch) : LogProbabilities(_policy, batch).LogProbabilities);
            int at = 0;
            foreach (int row in rows)
            {
                int length = completions[row].Tokens.Length;
                ReadOnlySpan<float> sampled = completions[row].LogProbabilities, there = other.AsSpan(at, length);
                measured[row] = PostUpdateMeasurement.Of(signal[row], fromReference ? there : sampled, fromReference ? sampled : there, loss.ClipLow, loss.ClipHigh);
                at += length;
            }
        }

        return measured;
    }

    public void Dispose()
    {
        _policy.Dispose();
        _reference?.Dispose();
    }

    private UpdateSums PolicyMicroBatch(IReadOnlyList<Completion> completions, int[] rows, PolicyPart part, Tensor[] gradients)
    {
        using var scope = NewDisposeScope();
        var loss = _job.Spec.Loss;
        var batch = Pack(completions, rows);
        float[] old = new float[batch.TokenCount], weights = new float[batch.TokenCount];
        int at = 0;
        foreach (int row in rows)
        {
            int length = completions[row].Tokens.Length;
            completions[row].LogProbabilities.CopyTo(old, at);
            weights.AsSpan(at, length).Fill((float)TokenWeights.PerToken(loss.Aggregation, part.Counts, length, loss.LengthConstant(_job.Spec.Rollout)));
            at += length;
        }

        Point(part.Rows, gradients[0]);
        var weight = tensor(weights, device: _memory.Device);
        var (present, entropy) = LogProbabilities(_policy, batch, loss.EntropyCoefficient > 0);
        var reference = loss.Kl.Coefficient > 0 || part.Rows.RatioToReference ? ReferenceLogProbabilities(batch) : null;
        var before = part.Rows.RatioToReference ? reference! : tensor(old, device: _memory.Device);
        PolicyLossPart[] parts = [.. part.Advantages.Select(advantages => PolicyLoss.Compute(
            new LossTokens(present, before, TokenAdvantages(advantages, completions, rows, batch.TokenCount), weight) { Lengths = [.. rows.Select(row => completions[row].Tokens.Length)] }, loss))];

        // KL and entropy belong to no objective.
        Tensor? regularizer = null;
        double referenceKl = 0, entropySum = 0;
        if (loss.Kl.Coefficient > 0)
        {
            var divergence = KullbackLeibler.Divergence(loss.Kl, present, reference!);
            regularizer = TokenWeights.WeightedSum(divergence, weight).Times(loss.Kl.Coefficient);
            referenceKl = divergence.detach().to(float64).sum().item<double>();
        }

        if (entropy is not null)
        {
            var bonus = EntropyLoss.Compute(entropy, weight).Times(-loss.EntropyCoefficient);
            regularizer = regularizer is null ? bonus : regularizer.Plus(bonus);
            entropySum = entropy.detach().to(float64).sum().item<double>();
        }

        BackPropagate([.. parts.Select(one => one.Loss)], regularizer, part.Rows, gradients);
        PolicyLossSums[] sums = [.. parts.Select(one => PolicyLossSums.Read(one.Sums))];
        double[] share = part.Rows.Coefficients ?? [.. Enumerable.Repeat(1.0 / sums.Length, sums.Length)];
        return new UpdateSums
        {
            Tokens = batch.TokenCount,
            Loss = sums.Zip(share, (one, factor) => one.Loss * factor).Sum(),
            ObjectiveLosses = part.Rows.Keep ? [.. sums.Select(one => one.Loss)] : [],
            Clipped = sums.Average(one => one.Clipped),
            DualClipped = sums.Average(one => one.ClippedLower),
            PolicyKl = sums[0].NegativeLogRatio,
            ReferenceKl = referenceKl,
            Entropy = entropySum,
            SamplerDifference = part.CompareSampler ? LargestDifference(Floats(present.detach()), old) : 0,
        };
    }

    /// <summary>Adds to one gradient the combined loss, or to one gradient per objective its own; the graph of the forward pass is shared.</summary>
    private void BackPropagate(Tensor[] losses, Tensor? regularizer, PolicyRows rows, Tensor[] gradients)
    {
        if (rows.Keep)
        {
            bool aside = rows.Regularizer && regularizer is not null;
            for (int m = 0; m < losses.Length; m++)
            {
                Point(rows, gradients[m]);
                losses[m].backward([], retain_graph: aside || m < losses.Length - 1, create_graph: false);
            }

            if (!aside) { return; }
            _policy.PointGradientsAt(gradients[^1]);
            regularizer!.backward();
            return;
        }

        var total = rows.Coefficients is { } coefficients
            ? losses.Zip(coefficients, (loss, factor) => loss.Times(factor)).Aggregate((sum, loss) => sum.Plus(loss))
            : losses[0];
        if (regularizer is not null) { total = total.Plus(regularizer); }
        _policy.PointGradientsAt(gradients[0]);
        total.backward();
    }

    private void Point(PolicyRows rows, Tensor gradient)
    {
        if (rows.LastBlockOnly) { _policy.PointGradientsAt(gradient, _job.Layout.LastBlock()); }
        else { _policy.PointGradientsAt(gradient); }
    }

    private Tensor TokenAdvantages(OutcomeAdvantages advantages, IReadOnlyList<Completion> completions, int[] rows, int tokens)
    {
        float[] values = new float[tokens];
        int at = 0;
        foreach (int row in rows)
        {
            int length = completions[row].Tokens.Length;
            advantages.TokenAdvantages(row, length, values.AsSpan(at));
            at += length;
        }

        return tensor(values, device: _memory.Device);
    }

    private Tensor ReferenceLogProbabilities(PackedBatch batch)
    {
        if (_reference is null)
        {
            if (_memory.Reference is null) { throw new InvalidOperationException("the loss has a KL term but no reference policy is loaded."); }
            _reference = _job.CreateModel(_memory.Reference);
        }

        using var noGrad = no_grad();
        return LogProbabilities(_reference, batch).LogProbabilities;
    }

    private (Tensor LogProbabilities, Tensor? Entropy) LogProbabilities(IPolicyModel model, PackedBatch batch, bool withEntropy = false)
    {
        var logits = model.Logits(batch.SelectResponses(model.Hidden(batch.Ids)));
        double temperature = _job.Spec.Rollout.Temperature;
        if (temperature != 1) { logits = logits.DividedBy(temperature); }
        if (!withEntropy) { return (Numerics.TokenDistribution.LogProbabilities(logits, batch.Targets), null); }
        return Numerics.TokenDistribution.Measure(logits, batch.Targets);
    }

    private PackedBatch Pack(IReadOnlyList<Completion> completions, int[] rows) =>
        PackedBatch.Of([.. rows.Select(row => completions[row].Prompt.Tokens)], [.. rows.Select(row => completions[row].Tokens)], _memory.Device);

    private static float[] Floats(Tensor values)
    {
        using var host = values.cpu().contiguous();
        return MemoryMarshal.Cast<byte, float>(host.bytes).ToArray();
    }

    private static double LargestDifference(float[] left, float[] right)
    {
        double largest = 0;
        for (int i = 0; i < left.Length; i++) { largest = Math.Max(largest, Math.Abs((double)left[i] - right[i])); }
        return largest;
    }
}
