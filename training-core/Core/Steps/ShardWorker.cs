using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Lora;
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
    // Keeps the masks of the supervised stage apart from those of the policy's steps.
    private const long SupervisedDropout = 1L << 62;

    private readonly PreparedJob _job;
    private readonly PolicyMemory _memory;
    private readonly IBlockModel _policy;
    private readonly RolloutEngine _engine;
    private readonly ValueHead? _head;
    private readonly PolicyForward _forward;
    private readonly ShardTokenSelection _selection;

    public ShardWorker(PreparedJob job, PolicyMemory memory)
    {
        _job = job;
        _memory = memory;
        _policy = job.CreatePolicy(memory);
        _forward = new PolicyForward(job, memory, _policy);
        _selection = new ShardTokenSelection(job.Spec, _forward);
        _engine = new RolloutEngine(_policy, memory.Device);
        _head = job.HasValueHead ? new ValueHead(job.Layout, memory.Compute) : null;
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
    public UpdateSums AccumulatePolicy(IReadOnlyList<Completion> completions, PolicyPart part, Tensor[] gradients) => OutOfDeviceMemoryException.Guard(() => Policy(completions, part, gradients));

    private UpdateSums Policy(IReadOnlyList<Completion> completions, PolicyPart part, Tensor[] gradients)
    {
        var sums = new UpdateSums();
        bool[][][]? selected = PolicyLoss.SelectsTokens(_job.Spec.Loss.Kind) ? _selection.Select(completions, part) : null;
        foreach (int[] microBatch in MicroBatches.Of(_job.Spec.Update, completions, part.Halvings))
        {
            int[] rows = [.. microBatch.Where(i => part.Advantages[0].Valid[i])];
            if (rows.Length > 0) { sums = sums.Plus(PolicyMicroBatch(completions, rows, part, selected, gradients)); }
        }

        _forward.Unscale(gradients);
        return sums;
    }

    /// <summary>Adds the gradient of a shard's part of a supervised batch, the loss being a sum over response tokens.</summary>
    public UpdateSums AccumulateSupervised(long step, PromptRange part, int microBatchSize, Tensor gradient, int halvings = 0) => OutOfDeviceMemoryException.Guard(() => Supervised(step, part, microBatchSize, gradient, halvings));

    private UpdateSums Supervised(long step, PromptRange part, int microBatchSize, Tensor gradient, int halvings)
    {
        var examples = Enumerable.Range(part.Start, part.End - part.Start).Select(i => _job.EncodeSupervised(step, i)).ToArray();
        int[] lengths = [.. examples.Select(example => example.Prompt.Length + example.Response.Length - 1)];
        var sums = new UpdateSums();
        foreach (int[] rows in MicroBatches.Of(lengths, microBatchSize, _job.Spec.Update.MaxTokensPerMicroBatch, halvings))
        {
            using var scope = NewDisposeScope();
            if (_policy.Host is null) { _policy.PointGradientsAt(gradient); }
            _policy.DropFor(new DropoutIdentity(_job.Spec.Seed, step, SupervisedDropout | ((long)part.Start + rows[0])));
            var pass = _forward.TrainSupervised(_forward.Pack([.. rows.Select(row => examples[row].Prompt)], [.. rows.Select(row => examples[row].Response)]));
            var loss = pass.LogProbabilities.sum().neg();
            pass.Backward([new(loss, gradient)]);
            sums = sums.Plus(new UpdateSums { Tokens = (int)pass.LogProbabilities.size(0), Loss = loss.item<float>() });
        }

        _policy.DropFor(null);
        _forward.Unscale([gradient]);
        return sums;
    }

    /// <summary>Measures tokens with the present weights: log-probabilities, divergence from the reference policy and values, as far as the job needs them.</summary>
    /// <returns>The completions with what was measured, in their order.</returns>
    public Completion[] MeasureTokens(IReadOnlyList<Completion> completions)
    {
        var spec = _job.Spec;
        var measured = new Completion[completions.Count];
        foreach (int[] rows in MicroBatches.Of(spec.Update, completions))
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var batch = _forward.Pack(completions, rows);
            float[] own = [], divergence = [], values = [];
            int streams = 0;
            if (_head is not null || spec.Loss.ImportanceCap > 0)
            {
                var hidden = _forward.Hidden(batch);
                if (spec.Loss.ImportanceCap > 0) { own = PolicyForward.Floats(_forward.LogProbabilities(hidden, batch)); }
                if (_head is not null)
                {
                    var all = _head.Values(hidden);
                    streams = (int)all.shape[1];
                    values = PolicyForward.Floats(all.transpose(0, 1));
                }
            }

            if (spec.RewardKl is { } penalty)
            {
                // Of the policy that sampled, as it sampled: the penalty is part of the reward, and that is of the sample.
                var sampled = _memory.Device.Place((float[])[.. rows.SelectMany(row => completions[row].LogProbabilities)]);
                divergence = PolicyForward.Floats(KullbackLeibler.Divergence(penalty.Kind, sampled, _forward.OfReference(batch)));
            }

            int at = 0;
            foreach (int row in rows)
            {
                int length = completions[row].Tokens.Length;
                float[] Part(float[] all, int offset = 0) => all.Length == 0 ? [] : all[(offset + at)..(offset + at + length)];
                measured[row] = completions[row] with { Signals = new TokenSignals(Part(own), Part(divergence), [.. Enumerable.Range(0, streams).Select(s => Part(values, s * batch.TokenCount))]) };
                at += length;
            }
        }

        return measured;
    }

    /// <summary>See <see cref="ITrainingBackend.MeasureAsync"/>; in the order of the completions.</summary>
    /// <param name="signal">Mean token advantage of each.</param>
    public PostUpdateMeasurement[] Measure(IReadOnlyList<Completion> completions, double[] signal, bool fromReference)
    {
        var loss = _job.Spec.Loss;
        var measured = new PostUpdateMeasurement[completions.Count];
        foreach (int[] rows in MicroBatches.Of(_job.Spec.Update, completions))
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var batch = _forward.Pack(completions, rows);
            float[] other = PolicyForward.Floats(fromReference ? _forward.OfReference(batch) : _forward.OfPolicy(batch));
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
        _head?.Dispose();
        _forward.Dispose();
    }

    /// <param name="selected">Tokens that the loss treats apart, [advantages][completions][L]; null: the loss does not choose.</param>
    private UpdateSums PolicyMicroBatch(IReadOnlyList<Completion> completions, int[] rows, PolicyPart part, bool[][][]? selected, Tensor[] gradients)
    {
        using var scope = NewDisposeScope();
        var loss = _job.Spec.Loss;
        var batch = _forward.Pack(completions, rows);
        float[] old = new float[batch.TokenCount], weights = new float[batch.TokenCount];
        int at = 0;
        foreach (int row in rows)
        {
            int length = completions[row].Tokens.Length;
            // The sampler's and the trainer's view of one policy may differ; the cap's weights make up for it.
            float[] before = loss.ImportanceCap > 0 ? completions[row].Signals!.LogProbabilities : completions[row].LogProbabilities;
            before.CopyTo(old, at);
            weights.AsSpan(at, length).Fill((float)TokenWeights.PerToken(loss.Aggregation, part.Counts, length, loss.LengthConstant(_job.Spec.Rollout)));
            at += length;
        }

        if (_policy.Host is null) { Point(part.Rows, gradients[0]); }
        var weight = _memory.Device.Place(weights);
        var policyWeight = weight;
        if (loss.ImportanceCap > 0) { policyWeight = weight * TokenWeights.Importance(_memory.Device.Place(old), _memory.Device.Place((float[])[.. rows.SelectMany(row => completions[row].LogProbabilities)]), loss.ImportanceCap); }
        var first = completions[rows[0]];
        _policy.DropFor(new DropoutIdentity(_job.Spec.Seed, part.Step, ((long)part.Update << 32) | (uint)((first.Prompt.StepIndex * _job.Spec.Rollout.SamplesPerPrompt) + first.Sample)));
        var pass = _forward.Train(batch, loss.EntropyCoefficient > 0, mayRecompute: !part.Rows.LastBlockOnly);
        var (present, entropy) = (pass.LogProbabilities, pass.Entropy);
        var reference = loss.Kl.Coefficient > 0 || part.Rows.RatioToReference ? _forward.OfReference(batch) : null;
        var compared = part.Rows.RatioToReference ? reference! : _memory.Device.Place(old);
        int[] lengths = [.. rows.Select(row => completions[row].Tokens.Length)];
        PolicyLossPart[] parts = [.. part.Advantages.Select((advantages, m) => PolicyLoss.Compute(
            new LossTokens(present, compared, _memory.Device.Place(PolicyForward.TokenAdvantages(advantages, completions, rows)), policyWeight)
            {
                Lengths = lengths,
                Selected = selected is null ? null : _memory.Device.Place((bool[])[.. rows.SelectMany(row => selected[m][row])]),
            },
            loss))];

        // KL, entropy and values belong to no objective.
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

        var (valueLoss, valueClipped) = (0.0, 0.0);
        if (_head is not null && part.Rows.IncludesRegularizer && ValueTerm(pass.Hidden, completions, rows, weight) is { } values)
        {
            regularizer = regularizer is null ? values.Loss : regularizer.Plus(values.Loss);
            (valueLoss, valueClipped) = (values.Value, values.Clipped);
        }

        pass.Backward(Targets([.. parts.Select(one => one.Loss)], regularizer, part.Rows, gradients));
        _policy.DropFor(null);
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
            Selected = sums.Average(one => one.Selected),
            ValueLoss = valueLoss,
            ValueClipped = valueClipped,
            SamplerDifference = part.CompareSampler ? LargestDifference(PolicyForward.Floats(present.detach()), old) : 0,
        };
    }

    /// <summary>The combined loss for one gradient, or one loss per objective for its own gradient; the forward pass is shared.</summary>
    private List<LossTarget> Targets(Tensor[] losses, Tensor? regularizer, PolicyRows rows, Tensor[] gradients)
    {
        LossTarget Whole(Tensor loss, Tensor gradient) => new(loss, gradient, null, _head is null ? null : () => _head.PointGradientsAt(gradient));
        SliceRange? range = rows.LastBlockOnly ? _job.Layout.LastBlock() : null;
        if (rows.Keep)
        {
            List<LossTarget> targets = [.. losses.Select((loss, m) => new LossTarget(loss, gradients[m], range))];
            if (rows.Regularizer && regularizer is not null) { targets.Add(Whole(regularizer, gradients[^1])); }
            return targets;
        }

        var total = rows.Coefficients is { } coefficients
            ? losses.Zip(coefficients, (loss, factor) => loss.Times(factor)).Aggregate((sum, loss) => sum.Plus(loss))
            : losses[0];
        if (regularizer is not null) { total = total.Plus(regularizer); }
        return [Whole(total, gradients[0])];
    }

    private void Point(PolicyRows rows, Tensor gradient)
    {
        if (rows.LastBlockOnly) { _policy.PointGradientsAt(gradient, _job.Layout.LastBlock()); }
        else { _policy.PointGradientsAt(gradient); }
    }

    /// <summary>Value losses of the streams that were estimated, over the micro-batch's tokens; null if none was.</summary>
    private (Tensor Loss, double Value, double Clipped)? ValueTerm(Tensor hidden, IReadOnlyList<Completion> completions, int[] rows, Tensor weight)
    {
        var options = _job.Spec.Loss.Value ?? new ValueLossSpec();
        int[] streams = [.. completions[rows[0]].Signals!.Advantages.Keys];
        if (streams.Length == 0) { return null; }

        // The share of the gradient that reaches the policy is scaled on its way back; the values are not.
        var apart = hidden.detach();
        var values = _head!.Values(options.Coefficient == 0 ? apart : apart.Plus((hidden - apart).Times(options.Coefficient)));
        Tensor? loss = null;
        double value = 0, clipped = 0;
        foreach (int stream in streams)
        {
            float[] before = [.. rows.SelectMany(row => completions[row].Signals!.Values[stream])];
            double[] advantages = [.. rows.SelectMany(row => completions[row].Signals!.Advantages[stream])];
            float[] returns = [.. before.Select((estimate, t) => (float)(estimate + advantages[t]))];
            var one = ValueLoss.Compute(values.select(1, stream), _memory.Device.Place(returns), _memory.Device.Place(before), weight, options.Clip);
            var sums = ValueLoss.Read(one.Sums);
            loss = loss is null ? one.Loss : loss.Plus(one.Loss);
            value += sums.Loss;
            clipped += sums.Clipped / streams.Length;
        }

        return (loss!, value, clipped);
    }

    private static double LargestDifference(float[] left, float[] right)
    {
        double largest = 0;
        for (int i = 0; i < left.Length; i++) { largest = Math.Max(largest, Math.Abs((double)left[i] - right[i])); }
        return largest;
    }
}
