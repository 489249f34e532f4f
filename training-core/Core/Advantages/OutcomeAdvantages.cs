namespace Ctwa.Training.Advantages;

/// <summary>
/// Advantages of all tokens of a step, as numbers per response: token t of response i, of length L, has
/// <c>A_t = (Value_i · Gamma^(L−1−t) − Shift) · Scale</c>, and 0 if the response was dropped.
/// </summary>
/// <param name="Value">Reward, or reward relative to its group, shape [B].</param>
/// <param name="Lengths">Response lengths in tokens, shape [B].</param>
/// <param name="Valid">False for dropped responses, shape [B].</param>
/// <param name="Gamma">Discount per token.</param>
/// <param name="Shift">Mean return of the step's tokens.</param>
/// <param name="Scale">Inverse standard deviation of the returns; 0 where they do not differ.</param>
public sealed record OutcomeAdvantages(double[] Value, int[] Lengths, bool[] Valid, double Gamma, double Shift, double Scale)
{
    /// <summary>Tokens whose advantage would be negative have 0 (Noon-PPO, arXiv 2508.07768).</summary>
    public bool NonNegative { get; init; }

    /// <summary>Reward of each token before the last one, c: the return at t is Value · Gamma^(L−1−t) + c · Σ_{k&lt;L−1−t} Gamma^k. 0 but for reference Tchebycheff.</summary>
    public double EarlierTokenReward { get; init; }

    /// <summary>
    /// Not empty: the token values are Σ_k Factor_k · (raw advantage of stream k that the response's shard holds) in place of
    /// Value · Gamma^(L−1−t); <see cref="Value"/> is then their mean over the response.
    /// </summary>
    public IReadOnlyList<StreamTerm> Streams { get; init; } = [];

    /// <summary>The same advantage for all tokens of a response.</summary>
    /// <param name="perCompletion">Shape [B]; entries of dropped responses are ignored.</param>
    public static OutcomeAdvantages PerCompletion(double[] perCompletion, int[] lengths, bool[] valid) =>
        new([.. perCompletion.Select((value, i) => valid[i] ? value : 0)], lengths, valid, Gamma: 1, Shift: 0, Scale: 1);

    /// <summary>Writes the advantages of one response's tokens.</summary>
    /// <param name="length">Number of tokens; must be the length the advantages were computed with.</param>
    /// <param name="destination">At least <paramref name="length"/> long; the rest is left as it is.</param>
    /// <exception cref="ArgumentException">The length is another than the estimator saw, or does not fit the destination.</exception>
    public void TokenAdvantages(int sample, int length, Span<float> destination)
    {
        if (length != Lengths[sample])
        {
            throw new ArgumentException(
                $"response {sample} has {length} tokens here but had {Lengths[sample]} when its advantages were computed; both must see the same rollout.", nameof(length));
        }

        if (destination.Length < length)
        {
            throw new ArgumentException($"{length} advantages do not fit {destination.Length} places.", nameof(destination));
        }

        if (!Valid[sample])
        {
            destination[..length].Clear();
            return;
        }

        double discounted = Value[sample];
        for (int t = length - 1; t >= 0; t--, discounted = (discounted * Gamma) + EarlierTokenReward) { destination[t] = (float)Kept((discounted - Shift) * Scale); }
    }

    /// <summary>The same of advantages whose values lie on the response's shard.</summary>
    /// <param name="raw">Advantages before whitening of each stream, shape [L].</param>
    public void TokenAdvantages(int sample, IReadOnlyDictionary<int, double[]> raw, Span<float> destination)
    {
        int length = Lengths[sample];
        if (!Valid[sample])
        {
            destination[..length].Clear();
            return;
        }

        for (int t = 0; t < length; t++)
        {
            double value = 0;
            foreach (var term in Streams) { value += term.Factor * raw[term.Stream][t]; }
            destination[t] = (float)Kept((value - Shift) * Scale);
        }
    }

    /// <summary>
    /// Mean advantage over each response's tokens, shape [B]: the weight with which it enters the policy gradient at
    /// the policy that sampled it. 0 for empty and dropped responses.
    /// </summary>
    public double[] MeanTokenAdvantage()
    {
        if (NonNegative && Streams.Count > 0) { throw new InvalidOperationException("the mean of positive parts of token values is known to their shards only."); }
        double[] means = new double[Value.Length];
        for (int i = 0; i < means.Length; i++)
        {
            if (!Valid[i] || Lengths[i] == 0) { continue; }
            if (NonNegative || EarlierTokenReward != 0)
            {
                double discounted = Value[i];
                for (int k = 0; k < Lengths[i]; k++, discounted = (discounted * Gamma) + EarlierTokenReward) { means[i] += Kept((discounted - Shift) * Scale) / Lengths[i]; }
                continue;
            }

            double discounts = Lengths[i];
            if (Gamma != 1)
            {
                discounts = 0;
                double power = 1;
                for (int k = 0; k < Lengths[i]; k++, power *= Gamma) { discounts += power; }
            }

            means[i] = ((Value[i] * discounts / Lengths[i]) - Shift) * Scale;
        }

        return means;
    }

    /// <summary>Advantages of some of the responses, in the given order: what one shard needs.</summary>
    /// <param name="responses">Indices of responses.</param>
    public OutcomeAdvantages Select(ReadOnlySpan<int> responses)
    {
        double[] value = new double[responses.Length];
        int[] lengths = new int[responses.Length];
        bool[] valid = new bool[responses.Length];
        for (int i = 0; i < responses.Length; i++) { (value[i], lengths[i], valid[i]) = (Value[responses[i]], Lengths[responses[i]], Valid[responses[i]]); }
        return this with { Value = value, Lengths = lengths, Valid = valid };
    }

    /// <summary>Advantages of the weighted sum Σ_j weights_j · A^j: the same form again, so several objectives cost no more than one.</summary>
    /// <param name="perObjective">One per objective, over the same responses and with the same discount.</param>
    /// <param name="weights">Shape [M].</param>
    /// <exception cref="ArgumentException">The numbers differ, the advantages are of different rollouts, or they are cut at 0, which is not linear.</exception>
    public static OutcomeAdvantages Combine(IReadOnlyList<OutcomeAdvantages> perObjective, ReadOnlySpan<double> weights)
    {
        if (perObjective.Count == 0 || perObjective.Count != weights.Length)
        {
            throw new ArgumentException($"{weights.Length} weights for {perObjective.Count} objectives; give one per objective, at least one.", nameof(weights));
        }

        var first = perObjective[0];
        double[] value = new double[first.Value.Length];
        double shift = 0;
        for (int j = 0; j < weights.Length; j++)
        {
            var one = perObjective[j];
            if (one.EarlierTokenReward != 0) { throw new ArgumentException($"objective {j} rewards earlier tokens; only a scalar reward does.", nameof(perObjective)); }
            if (one.NonNegative) { throw new ArgumentException($"the advantages of objective {j} are cut at 0; their sum is no advantage of this form. Combine losses instead.", nameof(perObjective)); }
            if (one.Gamma != first.Gamma || !one.Lengths.AsSpan().SequenceEqual(first.Lengths) || !one.Valid.AsSpan().SequenceEqual(first.Valid))
            {
                throw new ArgumentException($"objective {j} has another discount, other lengths or other dropped responses than objective 0.", nameof(perObjective));
            }

            double factor = weights[j] * one.Scale;
            for (int i = 0; i < value.Length; i++) { value[i] += factor * one.Value[i]; }
            shift += factor * one.Shift;
        }

        StreamTerm[] streams = [];
        for (int j = 0; j < weights.Length; j++)
        {
            double factor = weights[j] * perObjective[j].Scale;
            streams = [.. streams, .. perObjective[j].Streams.Select(term => term with { Factor = term.Factor * factor })];
        }

        return first with { Value = value, Shift = shift, Scale = 1, Streams = streams };
    }

    private double Kept(double advantage) => NonNegative ? Math.Max(advantage, 0) : advantage;
}

/// <summary>A share of the token values that shards hold.</summary>
/// <param name="Stream">0: the scalar reward; 1 + j: objective j.</param>
/// <param name="Factor">Of its values.</param>
public readonly record struct StreamTerm(int Stream, double Factor);
