using Ctwa.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>
/// A copy of weights and moments in the host's memory, so that a checkpoint can be written while steps go on: 12 bytes per trained
/// parameter, made on first use and kept, since fresh memory costs more than the copy into it.
/// </summary>
public sealed class PolicySnapshot : IDisposable
{
    /// <summary>Space for copies of a memory's vectors.</summary>
    public PolicySnapshot(PolicyMemory memory)
    {
        FlatLayout layout = memory.Layout;
        Tensor Vector() => empty(layout.Length, float32, CPU).DetachFromDisposeScope();
        Vectors = new PolicyVectors(Vector(), Vector(), Vector());
    }

    /// <summary>The copies.</summary>
    public PolicyVectors Vectors { get; }

    /// <summary>Takes them anew. Nobody may be reading them.</summary>
    public void CopyFrom(PolicyMemory memory)
    {
        using var scope = NewDisposeScope(); // copy_ returns a second wrapper of the same tensor.
        using var noGrad = no_grad();
        Vectors.Weights.copy_(memory.Weights);
        Vectors.FirstMoment.copy_(memory.FirstMoment);
        Vectors.SecondMoment.copy_(memory.SecondMoment);
    }

    public void Dispose()
    {
        Vectors.Weights.Dispose();
        Vectors.FirstMoment.Dispose();
        Vectors.SecondMoment.Dispose();
    }
}
