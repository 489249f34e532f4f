using Ctwa.Training.Models;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>A loss of a micro-batch and where its gradient goes.</summary>
/// <param name="Loss">Scalar over the pass's log-probabilities, entropies and hidden states.</param>
/// <param name="Gradient">Flat gradient that belongs to it, shape [layout length] or [range length].</param>
/// <param name="Range">Part of the layout that the gradient covers; null: all of it.</param>
/// <param name="Head">Points what is not the policy's, such as a value head, at the gradient; null: nothing is.</param>
internal readonly record struct LossTarget(Tensor Loss, Tensor Gradient, SliceRange? Range = null, Action? Head = null)
{
    /// <summary>Makes <c>backward</c> add into the gradient.</summary>
    public void Point(IPolicyModel model)
    {
        if (Range is { } range) { model.PointGradientsAt(Gradient, range); }
        else { model.PointGradientsAt(Gradient); }
        Head?.Invoke();
    }
}

/// <summary>One micro-batch's forward pass of the policy, and its back-propagation for one or several losses. Belongs to the caller's dispose scope.</summary>
internal interface ITrainingPass
{
    /// <summary>Hidden states that predict the response tokens, shape [N, C].</summary>
    Tensor Hidden { get; }

    /// <summary>Of the response tokens, float32 [N], in nats.</summary>
    Tensor LogProbabilities { get; }

    /// <summary>Of the distributions that they were drawn from, float32 [N], in nats; null if not asked for.</summary>
    Tensor? Entropy { get; }

    /// <summary>Adds the gradients of the losses, in their order. Only once.</summary>
    void Backward(IReadOnlyList<LossTarget> targets);
}

/// <summary>
/// A training pass by libtorch's graph. In the plain form one
/// graph reaches from the weights to the losses. In the staged form the graph is cut at the hidden states that the logits
/// are made of: logits are computed in chunks, once without a graph and, when gradients are due, once more; with
/// recomputation the body is cut at every block too, a block is computed again once, and all losses go back through it.
/// Belongs to the caller's dispose scope.
/// </summary>
internal sealed class TrainingPass : ITrainingPass
{
    private readonly IBlockModel _model;
    private readonly PackedBatch _batch;
    private readonly ForwardOptions _options;
    private readonly bool _staged;
    private readonly bool _recompute;
    private readonly List<Tensor> _blockInputs = [];
    private readonly Tensor? _attached;
    private readonly BlockContext? _context;
    private bool _pointed;

    /// <param name="withEntropy">Measure entropies too.</param>
    /// <param name="mayRecompute">False where gradients stop inside the body: then the graph is short anyway.</param>
    public TrainingPass(IBlockModel model, PackedBatch batch, ForwardOptions options, bool withEntropy = false, bool mayRecompute = true)
    {
        (_model, _batch, _options) = (model, batch, options);
        _recompute = options.Recompute && mayRecompute;
        _staged = _recompute || batch.TokenCount > options.LogitRows;
        if (!_staged)
        {
            Hidden = batch.SelectResponses(model.Hidden(batch.Sequences));
            (LogProbabilities, Entropy) = TokenScores.Of(model, Hidden, batch.Targets, options.Temperature, withEntropy);
            return;
        }

        if (_recompute)
        {
            using var noGrad = no_grad();
            _context = model.Context(batch.Sequences);
            _blockInputs.Add(model.Embed(batch.Sequences));
            for (int i = 0; i < model.BlockCount; i++) { _blockInputs.Add(model.Block(i, _blockInputs[i], _context)); }
            Hidden = batch.SelectResponses(model.FinalNorm(_blockInputs[^1]));
        }
        else
        {
            _attached = batch.SelectResponses(model.Hidden(batch.Sequences));
            Hidden = _attached.detach();
        }

        (LogProbabilities, Entropy) = TokenScores.InChunks(model, Hidden, batch.Targets, options.Temperature, withEntropy, options.LogitRows);
        foreach (var leaf in Leaves) { leaf.requires_grad_(true); }
    }

    public Tensor Hidden { get; }

    public Tensor LogProbabilities { get; }

    public Tensor? Entropy { get; }

    private IEnumerable<Tensor> Leaves => Entropy is null ? [Hidden, LogProbabilities] : [Hidden, LogProbabilities, Entropy];

    public void Backward(IReadOnlyList<LossTarget> targets)
    {
        if (_options.LossScale != 1) { targets = [.. targets.Select(target => target with { Loss = target.Loss.Times(_options.LossScale) })]; }
        if (!_staged)
        {
            ForEach(targets, (m, retain) => targets[m].Loss.backward([], retain_graph: retain, create_graph: false));
            return;
        }

        var gradients = LeafGradients(targets);
        var hidden = gradients.Select(gradient => gradient[0]).ToArray();
        LogitsBackward(targets, gradients, hidden);
        if (_recompute) { BodyBackward(targets, hidden); }
        else { ForEach(targets, (m, retain) => _attached!.backward([hidden[m]], retain_graph: retain, create_graph: false)); }
    }

    /// <summary>Gradient of each loss with respect to hidden states, log-probabilities and entropies; zeros where it does not depend on them.</summary>
    private Tensor[][] LeafGradients(IReadOnlyList<LossTarget> targets)
    {
        var gradients = new Tensor[targets.Count][];
        ForEach(targets, (m, retain) =>
        {
            targets[m].Loss.backward([], retain_graph: retain, create_graph: false);
            gradients[m] = [.. Leaves.Select(TakeGradient)];
        });
        return gradients;
    }

    /// <summary>Through the logits: adds to the gradients of the output matrix, and to those of the hidden states.</summary>
    private void LogitsBackward(IReadOnlyList<LossTarget> targets, Tensor[][] gradients, Tensor[] hiddenGradients)
    {
        for (long first = 0; first < _batch.TokenCount; first += _options.LogitRows)
        {
            using var scope = NewDisposeScope();
            long start = first, taken = Math.Min(_options.LogitRows, _batch.TokenCount - first);
            Tensor Chunk(Tensor whole) => whole.narrow(0, start, taken);
            var input = Chunk(Hidden.detach()).detach().requires_grad_(true);
            var (logProbabilities, entropy) = TokenScores.Of(_model, input, Chunk(_batch.Targets), _options.Temperature, Entropy is not null);
            ForEach(targets, (m, retain) =>
            {
                var product = (logProbabilities * Chunk(gradients[m][1])).sum();
                if (entropy is not null) { product = product.Plus((entropy * Chunk(gradients[m][2])).sum()); }
                product.backward([], retain_graph: retain, create_graph: false);
                using var noGrad = no_grad();
                Chunk(hiddenGradients[m]).PlusInPlace(TakeGradient(input));
            });
        }
    }

    /// <summary>Through final norm, blocks and embedding, from the last to the first.</summary>
    private void BodyBackward(IReadOnlyList<LossTarget> targets, Tensor[] gradients)
    {
        Stage(targets, gradients, _blockInputs.Count - 1, input => _batch.SelectResponses(_model.FinalNorm(input)));
        for (int i = _model.BlockCount - 1; i >= 0; i--) { Stage(targets, gradients, i, input => _model.Block(i, input, _context!)); }
        if (!_model.TrainsEmbedding) { return; }
        var embedded = _model.Embed(_batch.Sequences);
        ForEach(targets, (m, retain) => embedded.backward([gradients[m]], retain_graph: retain, create_graph: false));
    }

    /// <summary>Computes one stage again and replaces the gradients of its output by those of its input.</summary>
    private void Stage(IReadOnlyList<LossTarget> targets, Tensor[] gradients, int index, Func<Tensor, Tensor> compute)
    {
        using var scope = NewDisposeScope();
        var input = _blockInputs[index].detach().requires_grad_(index > 0 || _model.TrainsEmbedding);
        var output = compute(input);
        ForEach(targets, (m, retain) =>
        {
            output.backward([gradients[m]], retain_graph: retain, create_graph: false);
            gradients[m].Dispose();
            if (input.requires_grad) { gradients[m] = TakeGradient(input).MoveToOuterDisposeScope(); }
        });
        _blockInputs[index].Dispose();
    }

    /// <summary>The gradient that a leaf has got, which it gives away.</summary>
    private static Tensor TakeGradient(Tensor leaf)
    {
        var gradient = leaf.grad;
        leaf.grad = null;
        return gradient ?? zeros_like(leaf);
    }

    private void ForEach(IReadOnlyList<LossTarget> targets, Action<int, bool> work)
    {
        for (int m = 0; m < targets.Count; m++)
        {
            // Pointing touches every parameter: a single loss points once for all stages.
            if (targets.Count > 1 || !_pointed) { targets[m].Point(_model); }
            _pointed = true;
            work(m, m < targets.Count - 1);
        }
    }
}
