using Ctwa.Training.Checkpoints;

namespace Ctwa.Silo.Tools.Models;

/// <summary>A folder that is ready to be written: its tensors as they will be stored, made one after the other.</summary>
internal abstract class FolderExport : IDisposable
{
    /// <summary>What it is, for people.</summary>
    public abstract string Description { get; }

    /// <summary>Its tensors in the model's order.</summary>
    public abstract IReadOnlyList<TensorSource> Tensors { get; }

    /// <summary>Writes all files.</summary>
    /// <returns>Names of the files of weights.</returns>
    public abstract IReadOnlyList<string> Write(string folder, WriteProgress progress);

    public abstract void Dispose();
}
