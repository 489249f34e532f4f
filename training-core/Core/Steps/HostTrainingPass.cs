using Ctwa.Training.Kernels;
using Ctwa.Training.Models.Host;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>
/// A training pass by <see cref="HostDecoder"/>. libtorch's graph reaches from the losses to log-probabilities, entropies and hidden states only; from there the gradient
/// is computed by hand. Losses whose gradients at the log-probabilities are proportional within every sequence, as those of several objectives with one advantage per
/// response are, go back through the activations together (<see cref="HostGradients"/>).
/// </summary>
internal sealed unsafe class HostTrainingPass : ITrainingPass
{
    // Proportional up to float32 rounding of the losses' own arithmetic.
    private const float Tolerance = 1e-6f;

    private readonly HostDecoder _host;
    private readonly HostPlaces _places;
    private readonly HostTape _tape;
    private readonly NextToken.Normalisation[] _rows;
    private readonly float* _hidden, _logits;
    private readonly float _inverseTemperature, _lossScale;
    private readonly int _chunk;

    /// <param name="mayRecompute">False where gradients stop inside the body.</param>
    public HostTrainingPass(HostDecoder host, PackedBatch batch, ForwardOptions options, bool withEntropy = false, bool mayRecompute = true)
    {
        (_host, _places) = (host, batch.Host!);
        (_inverseTemperature, _lossScale, _chunk) = ((float)(1 / options.Temperature), (float)options.LossScale, options.LogitRows);
        host.Arena.Reset();
        _tape = host.Forward(_places.Sequences, keep: true, options.Recompute && mayRecompute);
        int count = batch.TokenCount;
        Hidden = empty([count, host.HiddenSize], float32);
        LogProbabilities = empty([count], float32);
        Entropy = withEntropy ? empty([count], float32) : null;
        _hidden = (float*)TensorAddress.Of(Hidden);
        host.FinalHidden(_tape, _places.Predicting, _hidden);
        var rows = _rows = new NextToken.Normalisation[count];
        float* logProbabilities = (float*)TensorAddress.Of(LogProbabilities), entropies = Entropy is null ? null : (float*)TensorAddress.Of(Entropy);
        _logits = HostScores.Chunks(host, _hidden, count, _chunk, (row, logits) =>
        {
            float* own = (float*)logits;
            rows[row] = NextToken.Measure(own, host.VocabularySize, _inverseTemperature, withEntropy);
            logProbabilities[row] = NextToken.LogProbability(own, _places.Targets[row], _inverseTemperature, rows[row]);
            if (entropies is not null) { entropies[row] = rows[row].Entropy; }
        });
        foreach (var leaf in Leaves) { leaf.requires_grad_(true); }
    }

    public Tensor Hidden { get; }

    public Tensor LogProbabilities { get; }

    public Tensor? Entropy { get; }

    private IEnumerable<Tensor> Leaves => Entropy is null ? [Hidden, LogProbabilities] : [Hidden, LogProbabilities, Entropy];

    public void Backward(IReadOnlyList<LossTarget> targets)
    {
        var seeds = new Seed[targets.Count];
        for (int m = 0; m < targets.Count; m++)
        {
            targets[m].Head?.Invoke();
            var loss = _lossScale == 1 ? targets[m].Loss : targets[m].Loss.Times(_lossScale);
            loss.backward([], retain_graph: m < targets.Count - 1, create_graph: false);
            seeds[m] = new Seed(Take(LogProbabilities)!, Entropy is null ? null : Take(Entropy), TakeTensor(Hidden));
        }

        int shared = targets.TakeWhile((_, m) => seeds[m] is { Entropy: null, Hidden: null }).Count();
        var factors = shared > 1 ? Factors(seeds.AsSpan(0, shared)) : null;
        if (factors is { } found)
        {
            Run(found.Base, Together(targets, shared, found.Scales));
        }

        for (int m = factors is null ? 0 : shared; m < targets.Count; m++) { Run(seeds[m], new HostGradients(_host.GradientsIn(targets[m].Gradient, targets[m].Range))); }
    }

    /// <summary>Carries one set of seeds down.</summary>
    private void Run(Seed seed, HostGradients gradients)
    {
        var mark = _host.Arena.Here;
        int count = _rows.Length, vocabulary = _host.VocabularySize, width = _host.HiddenSize, taken = Math.Min(_chunk, count);
        float* hidden = _host.Arena.Take((long)count * width), logits = _host.Arena.Take((long)taken * vocabulary);
        for (int first = 0; first < count; first += taken)
        {
            int rows = Math.Min(taken, count - first), start = first;
            if (_logits is null) { _host.Logits(_hidden + ((long)first * width), rows, logits); }
            HostThreads.Each(rows, (long)rows * vocabulary, row =>
            {
                float* own = logits + ((long)row * vocabulary);
                int at = start + row;
                if (_logits is not null) { new ReadOnlySpan<float>(_logits + ((long)at * vocabulary), vocabulary).CopyTo(new Span<float>(own, vocabulary)); }
                NextToken.Backward(own, vocabulary, _places.Targets[at], _inverseTemperature, _rows[at], seed.LogProbabilities[at], seed.Entropy?[at] ?? 0);
            });
            _host.LogitsBackward(logits, _hidden + ((long)first * width), hidden + ((long)first * width), rows, gradients, first, add: false);
        }

        if (seed.Hidden is { } more) { Elementwise.Add(hidden, (float*)TensorAddress.Of(more), (long)count * width); }
        _host.Backward(_tape, _places.Predicting, hidden, gradients);
        _host.Arena.Return(mark);
    }

    private HostGradients Together(IReadOnlyList<LossTarget> targets, int count, float[][] scales)
    {
        int n = _places.Sequences.Tokens;
        nint[] tokens = new nint[count], rows = new nint[count];
        for (int m = 0; m < count; m++)
        {
            float* perToken = _host.Arena.Take(n), perRow = _host.Arena.Take(_rows.Length);
            for (int s = 0, row = 0; s < scales[m].Length; s++)
            {
                new Span<float>(perToken + _places.Sequences.Starts[s], _places.Sequences.Lengths[s]).Fill(scales[m][s]);
                new Span<float>(perRow + row, _places.Responses[s]).Fill(scales[m][s]);
                row += _places.Responses[s];
            }

            (tokens[m], rows[m]) = ((nint)perToken, (nint)perRow);
        }

        return new HostGradients([.. targets.Take(count).Select(target => _host.GradientsIn(target.Gradient, target.Range))], tokens, rows);
    }

    /// <summary>Seeds that the others are multiples of, per sequence, and the factors [m][sequence]; null if they are not.</summary>
    private (Seed Base, float[][] Scales)? Factors(ReadOnlySpan<Seed> seeds)
    {
        int[] lengths = _places.Responses;
        float[] basis = new float[_rows.Length];
        float[][] scales = new float[seeds.Length][];
        for (int m = 0; m < seeds.Length; m++) { scales[m] = new float[lengths.Length]; }
        for (int s = 0, start = 0; s < lengths.Length; start += lengths[s++])
        {
            int widest = 0, place = start;
            for (int m = 0; m < seeds.Length; m++)
            {
                for (int t = start; t < start + lengths[s]; t++)
                {
                    if (Math.Abs(seeds[m].LogProbabilities[t]) > Math.Abs(seeds[widest].LogProbabilities[place])) { (widest, place) = (m, t); }
                }
            }

            var own = seeds[widest].LogProbabilities.AsSpan(start, lengths[s]);
            float largest = seeds[widest].LogProbabilities[place];
            if (!float.IsFinite(largest)) { return null; }
            own.CopyTo(basis.AsSpan(start));
            if (largest == 0) { continue; }
            for (int m = 0; m < seeds.Length; m++)
            {
                float factor = scales[m][s] = seeds[m].LogProbabilities[place] / largest;
                for (int t = 0; t < own.Length; t++)
                {
                    float value = seeds[m].LogProbabilities[start + t];
                    if (!(Math.Abs(value - (factor * own[t])) <= Tolerance * Math.Max(Math.Abs(value), Math.Abs(own[t] * factor)))) { return null; }
                }
            }
        }

        return (new Seed(basis, null, null), scales);
    }

    private static float[]? Take(Tensor leaf) => TakeTensor(leaf) is { } gradient ? PolicyForward.Floats(gradient) : leaf.dim() == 1 ? new float[leaf.size(0)] : null;

    private static Tensor? TakeTensor(Tensor leaf)
    {
        var gradient = leaf.grad;
        leaf.grad = null;
        return gradient;
    }

    /// <summary>Gradients of a loss at the log-probabilities, the entropies and the hidden states; null: it does not depend on them.</summary>
    private sealed record Seed(float[] LogProbabilities, float[]? Entropy, Tensor? Hidden);
}
