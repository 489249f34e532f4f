using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>
/// A silo's part in a job as a whole, pinned to the silo (<c>job/-1|silo</c>): opening, loading, handing over of slices, publication of
/// weights, saving. Work is started by one call and its end asked for by another, as with shards (invariant I8).
/// </summary>
[Alias("ctwa.IMemberGrain")]
public interface IMemberGrain : IGrainWithStringKey
{
    /// <summary>Starts a piece of work, unless it runs or is done already, and waits up to two seconds for it, as <see cref="Poll"/> does.</summary>
    /// <exception cref="StaleCoordinatorException">The caller's coordinator has been replaced.</exception>
    [Alias("Start")]
    Task<MemberReport> Start(MemberWork work, CancellationToken cancellationToken);

    /// <summary>Waits up to two seconds for a piece of work.</summary>
    [Alias("Poll")]
    Task<MemberReport> Poll(string key, CancellationToken cancellationToken);

    /// <summary>Frees the completions of a rollout that the silo's shards hold, those that straggled elsewhere too.</summary>
    /// <exception cref="StaleCoordinatorException">The caller's coordinator has been replaced.</exception>
    [Alias("Release")]
    Task Release(RolloutKey rollout, long epoch, CancellationToken cancellationToken);

    /// <summary>Frees what the silo holds of the job. Does nothing if that is another coordinator's, or nothing.</summary>
    [Alias("Close")]
    Task Close(long epoch, CancellationToken cancellationToken);
}

/// <summary>A piece of work for a member, identified by <see cref="Key"/>.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.MemberWork")]
public abstract record MemberWork([property: Id(0)] string Key)
{
    /// <summary>Of the coordinator (invariant I5).</summary>
    [Id(1)]
    public long Epoch { get; init; }
}

/// <summary>Prepare data and tokenizer and make room; keeps what the silo holds of the job already.</summary>
/// <param name="Key">Identity.</param>
/// <param name="SpecJson">The resolved job.</param>
/// <param name="RunDirectory">Run directory.</param>
/// <param name="Computes">Make room for weights.</param>
/// <param name="Rewards">Open the job's rewards.</param>
[GenerateSerializer, Immutable, Alias("ctwa.OpenWork")]
public sealed record OpenWork(string Key, [property: Id(0)] string SpecJson, [property: Id(1)] string RunDirectory, [property: Id(2)] bool Computes, [property: Id(3)] bool Rewards) : MemberWork(Key);

/// <summary>Take a place in a new plan and load weights, moments and reference policy from files.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Placement">The plan.</param>
/// <param name="Checkpoint">Folder of a checkpoint; null: the job's initial weights.</param>
/// <param name="Reference">File of the reference policy; null: none.</param>
/// <param name="Version">Policy version of what is loaded.</param>
[GenerateSerializer, Immutable, Alias("ctwa.LoadWork")]
public sealed record LoadWork(string Key, [property: Id(0)] JobPlacement Placement, [property: Id(1)] string? Checkpoint, [property: Id(2)] string? Reference, [property: Id(3)] long Version) : MemberWork(Key);

/// <summary>Let running work end, drop unfinished updates, and bring the slices held here back to a committed version.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Version">That version.</param>
[GenerateSerializer, Immutable, Alias("ctwa.SettleWork")]
public sealed record SettleWork(string Key, [property: Id(0)] long Version) : MemberWork(Key);

/// <summary>Take a place in a new plan: get the slices that it gives and are not here from their holders.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Placement">The plan.</param>
/// <param name="Version">Committed version of the slices.</param>
/// <param name="Sources">Silo to get each slice from, shape [slices].</param>
/// <param name="ReferenceFrom">Silo to get the reference policy from if it is not here; null: the job keeps none.</param>
/// <param name="Leaving">Silos without a place in the plan that still hand over what they have.</param>
[GenerateSerializer, Immutable, Alias("ctwa.AdoptWork")]
public sealed record AdoptWork(
    string Key,
    [property: Id(0)] JobPlacement Placement,
    [property: Id(1)] long Version,
    [property: Id(2)] ImmutableArray<string> Sources,
    [property: Id(3)] string? ReferenceFrom,
    [property: Id(4)] ImmutableArray<MemberPlace> Leaving) : MemberWork(Key);

/// <summary>Get the slices of what models compute with that others hold and that have changed.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Version">Policy version.</param>
/// <param name="Slices">The manifest: holder and hash of every slice.</param>
/// <param name="Verify">Hash what is here instead of trusting what was got last.</param>
[GenerateSerializer, Immutable, Alias("ctwa.PublishWork")]
public sealed record PublishWork(string Key, [property: Id(0)] long Version, [property: Id(1)] ImmutableArray<PublishedSlice> Slices, [property: Id(2)] bool Verify) : MemberWork(Key);

/// <summary>A slice of published weights.</summary>
/// <param name="Silo">Who has it.</param>
/// <param name="Hash">xxh3 of its bytes as models compute with them.</param>
[GenerateSerializer, Immutable, Alias("ctwa.PublishedSlice")]
public sealed record PublishedSlice([property: Id(0)] string Silo, [property: Id(1)] ulong Hash);

/// <summary>Forget the optimizer's moments.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.ResetWork")]
public sealed record ResetWork(string Key) : MemberWork(Key);

/// <summary>Freeze the present weights as reference policy.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Path">File to write them to; null: another member does.</param>
[GenerateSerializer, Immutable, Alias("ctwa.FreezeWork")]
public sealed record FreezeWork(string Key, [property: Id(0)] string? Path) : MemberWork(Key);

/// <summary>Gather the slices that others hold and write a checkpoint's files.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Folder">Folder to write into.</param>
/// <param name="Version">Policy version.</param>
/// <param name="Sources">Holder of each slice, shape [slices].</param>
[GenerateSerializer, Immutable, Alias("ctwa.SaveWork")]
public sealed record SaveWork(string Key, [property: Id(0)] string Folder, [property: Id(1)] long Version, [property: Id(2)] ImmutableArray<string> Sources) : MemberWork(Key);

/// <summary>Gather the slices that others hold and copy all of them, for a checkpoint that is written beside the steps; <see cref="WriteWork"/> does that.</summary>
/// <param name="Key">Identity, and the copy's name.</param>
/// <param name="Version">Policy version.</param>
/// <param name="Sources">Holder of each slice, shape [slices].</param>
[GenerateSerializer, Immutable, Alias("ctwa.SnapshotWork")]
public sealed record SnapshotWork(string Key, [property: Id(0)] long Version, [property: Id(1)] ImmutableArray<string> Sources) : MemberWork(Key);

/// <summary>Write a checkpoint's files from a copy.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Snapshot">Key of the copy's <see cref="SnapshotWork"/>.</param>
/// <param name="Folder">Folder to write into.</param>
[GenerateSerializer, Immutable, Alias("ctwa.WriteWork")]
public sealed record WriteWork(string Key, [property: Id(0)] string Snapshot, [property: Id(1)] string Folder) : MemberWork(Key);

/// <summary>Where a member's piece of work stands.</summary>
/// <param name="Status">Of the work.</param>
/// <param name="Result">Present when done.</param>
/// <param name="Error">Present when it failed.</param>
[GenerateSerializer, Immutable, Alias("ctwa.MemberReport")]
public sealed record MemberReport([property: Id(0)] WorkStatus Status, [property: Id(1)] MemberResult? Result, [property: Id(2)] string? Error);

/// <summary>What a member has after a piece of work.</summary>
/// <param name="Slices">Numbers of the slices held here at the version that was asked for.</param>
/// <param name="Hashes">xxh3 of each of them as models compute with it.</param>
/// <param name="HasReference">The reference policy is here.</param>
/// <param name="Lanes">Compute lanes.</param>
/// <param name="Fingerprint">NumericFingerprint as JSON; empty if it does not compute.</param>
[GenerateSerializer, Immutable, Alias("ctwa.MemberResult")]
public sealed record MemberResult(
    [property: Id(0)] ImmutableArray<int> Slices,
    [property: Id(1)] ImmutableArray<ulong> Hashes,
    [property: Id(2)] bool HasReference,
    [property: Id(3)] int Lanes,
    [property: Id(4)] string Fingerprint);
