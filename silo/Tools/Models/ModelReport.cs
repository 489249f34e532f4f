using System.Collections.Immutable;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>A file of weights, from its header.</summary>
/// <param name="Name">File name.</param>
/// <param name="SizeBytes">Length of the file.</param>
/// <param name="Tensors">Tensors in it.</param>
internal sealed record ReportFile(string Name, long SizeBytes, int Tensors);

/// <summary>An element type and what is stored so.</summary>
internal sealed record ReportType(SafetensorsDType Type, int Tensors, long Elements);

/// <summary>The tokenizer beside a model.</summary>
/// <param name="Size">Largest id + 1; null: there is no tokenizer.json, or it cannot be read.</param>
/// <param name="ChatTemplate">File that holds the chat template; null: none.</param>
internal sealed record ReportTokenizer(int? Size, string? ChatTemplate);

/// <summary>A token that ends an answer.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Text">As tokenizer.json's added tokens spell it; null: it is none of them.</param>
/// <param name="Files">The files that name it.</param>
internal sealed record ReportStop(int Id, string? Text, ImmutableArray<string> Files);

/// <summary>What <c>ctwa model inspect</c> learnt of a folder or file from headers and configuration alone.</summary>
internal sealed record ModelReport
{
    /// <summary>What was given.</summary>
    public required string Path { get; init; }

    /// <summary>model, adapter, checkpoint, config or file.</summary>
    public required string Kind { get; init; }

    /// <summary>A run's checkpoints, oldest first; empty for anything else.</summary>
    public ImmutableArray<string> Checkpoints { get; init; } = [];

    /// <summary>The model's shape; null if it could not be told.</summary>
    public ModelConfig? Model { get; init; }

    public AdapterConfig? Adapter { get; init; }

    /// <summary>Numbers of the adapter.</summary>
    public long AdapterParameters { get; init; }

    public ImmutableArray<ReportFile> Files { get; init; } = [];

    public ImmutableArray<ReportType> Types { get; init; } = [];

    /// <summary>Free strings of a single file's header.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Metadata { get; init; } = [];

    public ReportTokenizer? Tokenizer { get; init; }

    public ImmutableArray<ReportStop> Stops { get; init; } = [];

    /// <summary>What keeps it from being used; one finding each.</summary>
    public ImmutableArray<string> Problems { get; init; } = [];
}
