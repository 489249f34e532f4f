namespace Ctwa.Training.Models.Host;

/// <summary>
/// Gradients that one backward pass adds to. Losses whose gradients at the log-probabilities differ by one factor per sequence have activations' gradients that
/// differ by it too, since everything between is linear in them and keeps to the sequence: the pass carries one of them, and only the products that give matrices'
/// gradients are made for each, with rows scaled.
/// </summary>
internal sealed unsafe class HostGradients
{
    private readonly nint[] _tokens, _rows;

    /// <summary>One gradient, as it is.</summary>
    public HostGradients(HostWeights gradient) : this([gradient], [0], [0]) { }

    /// <param name="gradients">Places of the parameters in each.</param>
    /// <param name="tokens">Address of each one's factor per token [N]; 0: 1.</param>
    /// <param name="rows">Address of each one's factor per predicted token; 0: 1.</param>
    public HostGradients(HostWeights[] gradients, nint[] tokens, nint[] rows) => (Weights, _tokens, _rows) = (gradients, tokens, rows);

    public HostWeights[] Weights { get; }

    public int Count => Weights.Length;

    public float* TokenScales(int index) => (float*)_tokens[index];

    public float* RowScales(int index) => (float*)_rows[index];

    /// <summary>Whether a parameter of this block or of one below it is wanted.</summary>
    public bool Reaches(int layer) => Weights.Any(weights => weights.Embedding is not null || weights.Layers.Take(layer + 1).Any(places => places.Down is not null || places.Query is not null));
}
