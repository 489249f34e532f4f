using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>
/// One slice of a job's flat parameters, keyed <c>job/slice</c>: reduces the shards' gradients over its range and runs
/// the optimizer there.
/// </summary>
[Alias("ctwa.IGradientAccumulatorGrain")]
public interface IGradientAccumulatorGrain : IGrainWithStringKey
{
    /// <summary>Starts a piece of work, unless it runs or is done already, and waits up to two seconds for it, as <see cref="Poll"/> does.</summary>
    [Alias("Start")]
    Task<SliceReport> Start(SliceWork work, CancellationToken cancellationToken);

    /// <summary>Waits up to two seconds for a piece of work.</summary>
    [Alias("Poll")]
    Task<SliceReport> Poll(string key, CancellationToken cancellationToken);
}

/// <summary>A piece of work for one slice, identified by <see cref="Key"/>.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.SliceWork")]
public abstract record SliceWork([property: Id(0)] string Key, [property: Id(1)] UpdateKey Update)
{
    /// <summary>Of the coordinator (invariant I5).</summary>
    [Id(2)]
    public long Epoch { get; init; }
}

/// <summary>Take the canonical sum of the shards' gradients over the slice: nodes of the tree from the silos that computed them.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Update">Identity of the update or probe.</param>
/// <param name="Rows">Gradients of the update.</param>
/// <param name="LastBlockOnly">They cover the last decoder block only.</param>
/// <param name="Nodes">Complete subtrees that make up the tree, from left to right.</param>
/// <param name="From">The slice's primary, which a mirror gets the finished sums from; null: this is the primary.</param>
[GenerateSerializer, Immutable, Alias("ctwa.CollectWork")]
public sealed record CollectWork(
    string Key,
    UpdateKey Update,
    [property: Id(0)] int Rows,
    [property: Id(1)] bool LastBlockOnly,
    [property: Id(2)] ImmutableArray<GradientNode> Nodes,
    [property: Id(3)] string? From) : SliceWork(Key, Update);

/// <summary>A node of the canonical tree and the silo that holds its sum.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.GradientNode")]
public readonly record struct GradientNode([property: Id(0)] int First, [property: Id(1)] int Count, [property: Id(2)] string Silo);

/// <summary>Return Σ g² of the slice's gradient.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ReduceWork")]
public sealed record ReduceWork(string Key, UpdateKey Update) : SliceWork(Key, Update);

/// <summary>Measure the slice's part of the Gram matrix of the update's rows.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Update">Identity of the update or probe.</param>
/// <param name="LastBlockOnly">Only over the last decoder block's parameters.</param>
[GenerateSerializer, Immutable, Alias("ctwa.GramWork")]
public sealed record GramWork(string Key, UpdateKey Update, [property: Id(0)] bool LastBlockOnly) : SliceWork(Key, Update);

/// <summary>Combine the update's rows over the slice.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Update">Identity of the update.</param>
/// <param name="Coefficients">One per objective.</param>
[GenerateSerializer, Immutable, Alias("ctwa.CombineWork")]
public sealed record CombineWork(string Key, UpdateKey Update, [property: Id(0)] ImmutableArray<double> Coefficients) : SliceWork(Key, Update);

/// <summary>Measure how far the weights moved along each of a probe's rows, over the slice, and free the probe.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.DisplacementWork")]
public sealed record DisplacementWork(string Key, UpdateKey Update) : SliceWork(Key, Update);

/// <summary>Run AdamW on the slice.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Update">Identity of the update.</param>
/// <param name="GradientScale">Multiplies the gradient.</param>
/// <param name="LearningRate">Of this update.</param>
/// <param name="AdamStep">Updates of the stage including this one.</param>
/// <param name="Version">Policy version after this update.</param>
/// <param name="Committed">Policy version of the last commit: the slice keeps its state of that version until it is told a later one.</param>
/// <param name="Keep">Others might need that state: keep it.</param>
[GenerateSerializer, Immutable, Alias("ctwa.ApplyWork")]
public sealed record ApplyWork(
    string Key,
    UpdateKey Update,
    [property: Id(0)] double GradientScale,
    [property: Id(1)] double LearningRate,
    [property: Id(2)] long AdamStep,
    [property: Id(3)] long Version,
    [property: Id(4)] long Committed,
    [property: Id(5)] bool Keep) : SliceWork(Key, Update);

/// <summary>Where a slice's piece of work stands.</summary>
/// <param name="Status">Of the work.</param>
/// <param name="Values">Result: Σ g² of <see cref="ReduceWork"/>, a matrix row by row of <see cref="GramWork"/>, products per row of <see cref="ApplyWork"/> and <see cref="DisplacementWork"/>.</param>
/// <param name="Error">Present when it failed.</param>
/// <param name="Hash">After <see cref="ApplyWork"/>: xxh3 of the slice as models compute with it.</param>
[GenerateSerializer, Immutable, Alias("ctwa.SliceReport")]
public sealed record SliceReport([property: Id(0)] WorkStatus Status, [property: Id(1)] ImmutableArray<double> Values, [property: Id(2)] string? Error, [property: Id(3)] ulong Hash);
