using System.Runtime.InteropServices;
using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Scalarizers;
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

    /// <summary>Adds the gradient of a shard's part of a policy update.</summary>
    /// <param name="completions">The shard's completions of this update.</param>
    /// <param name="advantages">Of the same completions, in the same order.</param>
    /// <param name="counts">Of the whole update, over all shards.</param>
    /// <param name="compareSampler">Also compare log-probabilities with the sampler's.</param>
    /// <param name="gradient">Flat buffer to add to.</param>
    public UpdateSums AccumulatePolicy(IReadOnlyList<Completion> completions, OutcomeAdvantages advantages, UpdateCounts counts, bool compareSampler, Tensor gradient)
    {
        _policy.PointGradientsAt(gradient);
        var sums = new UpdateSums();
        for (int first = 0; first < completions.Count; first += _job.Spec.Update.MicroBatchSize)
        {
            int count = Math.Min(_job.Spec.Update.MicroBatchSize, completions.Count - first);
            var rows = Enumerable.Range(first, count).Where(i => advantages.Valid[i]).ToArray();
            if (rows.Length > 0) { sums = sums.Plus(PolicyMicroBatch(completions, rows, advantages, counts, compareSampler)); }
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

    /// <summary>
    /// Clipped policy-gradient weight of each completion under the present weights (arXiv 2602.06869, the clipped covariance
    /// law; see <see cref="ClippedAdvantageWeight"/>); 0 for dropped completions.
    /// </summary>
    public double[] MeasurePostUpdate(IReadOnlyList<Completion> completions, OutcomeAdvantages advantages)
    {
        double[] weights = new double[completions.Count];
        for (int first = 0; first < completions.Count; first += _job.Spec.Update.MicroBatchSize)
        {
            int[] rows = [.. Enumerable.Range(first, Math.Min(_job.Spec.Update.MicroBatchSize, completions.Count - first))];
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var batch = Pack(completions, rows);
            float[] present = Floats(LogProbabilities(_policy, batch).LogProbabilities);
            int at = 0;
            foreach (int row in rows)
            {
                weights[row] = PostUpdateWeight(completions[row], advantages, row, present.AsSpan(at, completions[row].Tokens.Length));
                at += completions[row].Tokens.Length;
            }
        }

        return weights;
    }

    public void Dispose()
    {
        _policy.Dispose();
        _reference?.Dispose();
    }

    private double PostUpdateWeight(Completion completion, OutcomeAdvantages advantages, int row, ReadOnlySpan<float> present)
    {
        if (!advantages.Valid[row]) { return 0; }

        float[] tokenAdvantages = new float[present.Length], mask = new float[present.Length];
        advantages.TokenAdvantages(row, present.Length, tokenAdvantages);
        mask.AsSpan().Fill(1);
        return ClippedAdvantageWeight.Of<float>(
            completion.LogProbabilities, present, tokenAdvantages, mask, _job.Spec.Loss.ClipLow, _job.Spec.Loss.ClipHigh, WeightAggregation.Mean, out _);
    }

    private UpdateSums PolicyMicroBatch(IReadOnlyList<Completion> completions, int[] rows, OutcomeAdvantages advantages, UpdateCounts counts, bool compareSampler)
    {
        using var scope = NewDisposeScope();
        var loss = _job.Spec.Loss;
        var batch = Pack(completions, rows);
        float[] old = new float[batch.TokenCount], tokenAdvantages = new float[batch.TokenCount], weights = new float[batch.TokenCount];
        int at = 0;
        foreach (int row in rows)
        {
            int length = completions[row].Tokens.Length;
            completions[row].LogProbabilities.CopyTo(old, at);
            advantages.TokenAdvantages(row, length, tokenAdvantages.AsSpan(at));
            weights.AsSpan(at, length).Fill((float)TokenWeights.PerToken(loss.Aggregation, counts, length));
            at += length;
        }

        var weight = tensor(weights, device: _memory.Device);
        var (present, entropy) = LogProbabilities(_policy, batch, loss.EntropyCoefficient > 0);
        var part = PolicyLoss.Compute(present, tensor(old, device: _memory.Device), tensor(tokenAdvantages, device: _memory.Device), weight, loss);
        var total = part.Loss;
        double referenceKl = 0, entropySum = 0;
        if (loss.Kl.Coefficient > 0)
        {
            var divergence = KullbackLeibler.LowVariance(present, ReferenceLogProbabilities(batch));
            total = total.Plus(TokenWeights.WeightedSum(divergence, weight).Times(loss.Kl.Coefficient));
            referenceKl = divergence.detach().to(float64).sum().item<double>();
        }

        if (entropy is not null)
        {
            total = total.Plus(EntropyLoss.Compute(entropy, weight).Times(-loss.EntropyCoefficient));
            entropySum = entropy.detach().to(float64).sum().item<double>();
        }

        total.backward();
        var sums = PolicyLossSums.Read(part.Sums);
        return new UpdateSums
        {
            Tokens = batch.TokenCount,
            Loss = sums.Loss,
            Clipped = sums.Clipped,
            DualClipped = sums.ClippedLower,
            PolicyKl = sums.NegativeLogRatio,
            ReferenceKl = referenceKl,
            Entropy = entropySum,
            SamplerDifference = compareSampler ? LargestDifference(Floats(present.detach()), old) : 0,
        };
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
