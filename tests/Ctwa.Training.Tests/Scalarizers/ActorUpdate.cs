using System.Text.Json;
using Ctwa.Training.Gradients;
using Ctwa.Training.Losses;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Losses;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// The reference's actor on the policy log_prob = base + features·θ: losses by this project's <see cref="PolicyLoss"/> and
/// <see cref="KullbackLeibler"/>, aggregated per micro-batch as the reference does, SGD after clipping.
/// </summary>
internal sealed class ActorUpdate
{
    private const ScalarType Type = ScalarType.Float64;

    private readonly JsonElement config;
    private readonly Tensor mask, baseLogProbabilities, features, oldLogProbabilities, referenceLogProbabilities;
    private readonly LossAggregation aggregation;
    private readonly LossSpec loss;

    public ActorUpdate(JsonElement inputs)
    {
        config = inputs.GetProperty("config");
        mask = Read(inputs, "response_mask");
        baseLogProbabilities = Read(inputs, "base_log_prob");
        features = Read(inputs, "features");
        oldLogProbabilities = Read(inputs, "old_log_prob");
        referenceLogProbabilities = Read(inputs, "ref_log_prob");
        Theta = GoldenNumbers.Row(inputs.GetProperty("theta0"));
        aggregation = LossCase.Aggregation(config);
        double clip = config.GetProperty("clip_ratio").GetDouble();
        loss = new() { ClipLow = clip, ClipHigh = clip, DualClip = 3 };
        if (config.GetProperty("kl_loss_type").GetString() != "low_var_kl") { throw new NotSupportedException("no test for another KL kind."); }
    }

    public double[] Theta { get; private set; }

    public SortedDictionary<string, List<double>> Metrics { get; private set; } = new(StringComparer.Ordinal);

    public int Epochs => config.GetProperty("ppo_epochs").GetInt32();

    public long MiniBatchSize => config.GetProperty("ppo_mini_batch_size").GetInt64();

    public long Samples => mask.shape[0];

    public bool OnPolicy => MiniBatchSize == Samples && Epochs == 1;

    public void StartCall() => Metrics = new(StringComparer.Ordinal);

    /// <summary>Applies an update to each mini-batch of each epoch: (first sample, number of samples).</summary>
    public void ForEachMiniBatch(Action<long, long> update)
    {
        for (int epoch = 0; epoch < Epochs; epoch++)
        {
            for (long first = 0; first < Samples; first += MiniBatchSize) { update(first, Math.Min(MiniBatchSize, Samples - first)); }
        }
    }

    /// <summary>Gradient and loss over samples, summed over micro-batches; the loss holds the KL term, as in the reference.</summary>
    /// <param name="advantages">Shape [B, T]; of the whole batch.</param>
    /// <param name="old">What the ratio is taken to.</param>
    /// <param name="metric">Prefix and suffix of the metrics' names, such as (actor/, _0); null: none.</param>
    /// <param name="kl">Whether a KL term is added where the case has one.</param>
    public (double[] Gradient, double Loss) Gradient(long first, long count, Tensor advantages, RatioTo old, (string Prefix, string Suffix)? metric, bool kl = true)
    {
        long size = config.GetProperty("ppo_micro_batch_size").GetInt64();
        using Tensor theta = tensor(Theta, dtype: Type).requires_grad_();
        double total = 0;
        for (long start = first; start < first + count; start += size)
        {
            using var scope = NewDisposeScope();
            long rows = Math.Min(size, first + count - start);
            Tensor Part(Tensor whole) => whole.narrow(0, start, rows);
            double share = (double)rows / count;
            Tensor micro = Part(mask), logProbabilities = Part(baseLogProbabilities).Plus(Part(features).mul(theta).sum(-1));
            Tensor ratioTo = old switch
            {
                RatioTo.Itself => logProbabilities.detach(),
                RatioTo.Reference => Part(referenceLogProbabilities),
                _ => Part(oldLogProbabilities),
            };
            var counts = LossCase.Counts(micro);
            Tensor weights = LossCase.Weights(aggregation, micro);
            var part = PolicyLoss.Compute(new LossTokens(logProbabilities, ratioTo, Part(advantages), weights), loss);
            double divisor = LossCase.ReferenceDivisor(aggregation, counts), perToken = LossCase.ReferenceDivisor(LossAggregation.TokenMean, counts);
            Tensor value = part.Loss.Times(divisor);
            double policyLoss = value.ToDouble();
            if (kl && config.GetProperty("use_kl_loss").GetBoolean())
            {
                Tensor divergence = KullbackLeibler.Loss(new KlSpec(), logProbabilities, Part(referenceLogProbabilities), weights).Times(divisor);
                value = value.Plus(divergence.Times(config.GetProperty("kl_loss_coef").GetDouble()));
                if (metric is { Suffix: "" }) { Log("actor/kl_loss", divergence.ToDouble() * share); Log("actor/kl_coef", config.GetProperty("kl_loss_coef").GetDouble()); }
            }

            total += value.ToDouble() * share;
            value.Times(share).backward();
            if (metric is not var (prefix, suffix)) { continue; }
            Log($"{prefix}pg_loss{suffix}", policyLoss * share);
            if (old == RatioTo.Reference) { continue; }
            var sums = PolicyLossSums.Read(part.Sums);
            Log($"{prefix}pg_clipfrac{suffix}", sums.ClipFraction * perToken);
            Log($"{prefix}ppo_kl{suffix}", sums.ApproximateKl * perToken);
            Log($"{prefix}pg_clipfrac_lower{suffix}", sums.LowerClipFraction * perToken);
        }

        return (GoldenTensor.ToArray(theta.grad!), total);
    }

    /// <summary>SGD with the gradient clipped by its norm.</summary>
    public void Step(double[] gradient)
    {
        double norm = Math.Sqrt(gradient.Sum(value => value * value)), rate = config.GetProperty("sgd_lr").GetDouble();
        double scale = GradientClipper.Scale(norm, config.GetProperty("grad_clip").GetDouble());
        Theta = [.. Theta.Select((value, p) => value - (rate * scale * gradient[p]))];
        Log("actor/grad_norm", norm);
    }

    public void Log(string name, double value)
    {
        if (!Metrics.TryGetValue(name, out var values)) { Metrics[name] = values = []; }
        values.Add(value);
    }

    /// <summary>Log-probabilities at the present θ, rows of tokens.</summary>
    public double[][] LogProbabilities()
    {
        using var scope = NewDisposeScope();
        return Rows(baseLogProbabilities.Plus(features.mul(tensor(Theta, dtype: Type)).sum(-1)));
    }

    public static double[][] Rows(Tensor matrix)
    {
        double[] flat = GoldenTensor.ToArray(matrix);
        int width = (int)matrix.shape[1];
        return [.. Enumerable.Range(0, (int)matrix.shape[0]).Select(b => flat[(b * width)..((b + 1) * width)])];
    }

    public static Tensor Read(JsonElement inputs, string name) => GoldenTensor.Read(inputs.GetProperty(name), Type);
}

/// <summary>What the policy ratio is taken to.</summary>
internal enum RatioTo
{
    Old,
    Itself,
    Reference,
}
