using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Decoder;

/// <summary>Preallocated keys and values per layer, each [B × KV heads, capacity, head size].</summary>
internal sealed class KeyValueCache : IDecodingCache
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;
    private readonly int _heads;

    public KeyValueCache(int layers, int rows, int heads, int capacity, int headSize, ScalarType type, Device device)
    {
        _heads = heads;
        Capacity = capacity;
        _keys = new Tensor[layers];
        _values = new Tensor[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            _keys[layer] = zeros([(long)rows * heads, capacity, headSize], type, device).DetachFromDisposeScope();
            _values[layer] = zeros([(long)rows * heads, capacity, headSize], type, device).DetachFromDisposeScope();
        }
    }

    public int Length { get; private set; }

    public int Capacity { get; }

    /// <summary>Stores new keys and values [B × KV heads, T, head size] of one layer and returns all so far.</summary>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        long added = keys.size(1);
        if (Length + added > Capacity) { throw new InvalidOperationException($"the decoding cache holds {Capacity} tokens, {Length + added} are needed."); }
        _keys[layer].narrow(1, Length, added).copy_(keys);
        _values[layer].narrow(1, Length, added).copy_(values);
        return (_keys[layer].narrow(1, 0, Length + added), _values[layer].narrow(1, 0, Length + added));
    }

    /// <summary>Counts the tokens that every layer has appended.</summary>
    public void Advance(int tokens) => Length += tokens;

    public void Select(Tensor rows)
    {
        using var scope = NewDisposeScope();
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            _keys[layer] = Select(_keys[layer], rows);
            _values[layer] = Select(_values[layer], rows);
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _keys) { tensor.Dispose(); }
        foreach (var tensor in _values) { tensor.Dispose(); }
    }

    private Tensor Select(Tensor cached, Tensor rows)
    {
        long capacity = cached.size(1), headSize = cached.size(2);
        var selected = cached.view(-1, _heads * capacity * headSize).index_select(0, rows)
            .view(rows.size(0) * _heads, capacity, headSize).DetachFromDisposeScope();
        cached.Dispose();
        return selected;
    }
}
