using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// Gives one piece of work to every shard and gathers the results, in batches by silo (<see cref="ShardFanGrain"/>). Worth it
/// from about a thousand shards on; below, one call per shard is as fast.
/// </summary>
/// <param name="grains">Of the coordinator.</param>
/// <param name="jobId">Job.</param>
internal sealed class ShardFan(IGrainFactory grains, string jobId)
{
    // Larger batches are cut by their answers' size anyway; smaller ones cost more messages.
    private const int LargestBatch = 128;

    /// <summary>Sees a piece of work through on all of the shards.</summary>
    /// <param name="works">One per shard, in shard order, all with one key.</param>
    /// <param name="siloOf">Orleans' parsable address of the silo that a shard is on.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>In shard order, whatever order they came in.</returns>
    /// <exception cref="WorkFailedException">A shard's work failed.</exception>
    public async Task<TResult[]> RunAsync<TResult>(IReadOnlyList<ShardWork> works, Func<int, string> siloOf, CancellationToken cancellationToken)
        where TResult : ShardResult
    {
        var results = new TResult[works.Count];
        works = Shared(works);
        await Task.WhenAll(Enumerable.Range(0, works.Count).GroupBy(siloOf).SelectMany(silo =>
        {
            var fan = grains.GetGrain<IShardFanGrain>(GrainKeys.Of(jobId, GrainKeys.Whole, silo.Key));
            return Cut(silo, works).Select(batch => DriveAsync(fan, batch, works, results, cancellationToken));
        }));
        return results;
    }

    /// <summary>Shards that are asked for the same thing share one object, which a message then holds once.</summary>
    private static ShardWork[] Shared(IReadOnlyList<ShardWork> works)
    {
        ShardWork[] shared = [.. works];
        for (int i = 1; i < shared.Length; i++)
        {
            if (shared[i].Equals(shared[i - 1])) { shared[i] = shared[i - 1]; }
        }

        return shared;
    }

    /// <summary>Batches below the size of a message.</summary>
    internal static IEnumerable<ImmutableArray<int>> Cut(IEnumerable<int> shards, IReadOnlyList<ShardWork> works)
    {
        var batch = ImmutableArray.CreateBuilder<int>();
        int bytes = 0;
        foreach (int shard in shards)
        {
            int size = MessageSizes.Of(works[shard]);
            if (batch.Count > 0 && (bytes + size > MessageSizes.Batch || batch.Count == LargestBatch))
            {
                yield return batch.DrainToImmutable();
                bytes = 0;
            }

            batch.Add(shard);
            bytes += size;
        }

        if (batch.Count > 0) { yield return batch.DrainToImmutable(); }
    }

    private Task DriveAsync<TResult>(IShardFanGrain fan, ImmutableArray<int> batch, IReadOnlyList<ShardWork> works, TResult[] results, CancellationToken cancellationToken)
        where TResult : ShardResult
    {
        string key = works[batch[0]].Key;
        var missing = batch;
        return WorkDriver.DriveAsync(
            $"shards {batch[0]} to {batch[^1]} of job {jobId}, {key}",
            () => fan.Run([.. missing.Select(shard => new ShardAssignment(shard, works[shard]))], cancellationToken),
            () => fan.Poll(key, missing, cancellationToken),
            Take,
            cancellationToken);

        (WorkStatus, object?, string?) Take(ShardAnswers answers)
        {
            bool forgotten = false;
            string? error = null;
            foreach (var (shard, result) in ShardResultPack.Read(answers.Packed)) { results[shard] = (TResult)result; }
            foreach (var (shard, report) in answers.Others)
            {
                switch (report.Status)
                {
                    case WorkStatus.Done: results[shard] = (TResult)report.Result!; break;
                    case WorkStatus.Failed: error ??= report.Error; break;
                    case WorkStatus.Unknown: forgotten = true; break;
                }
            }

            if (error is not null) { return (WorkStatus.Failed, null, error); }
            missing = [.. missing.Where(shard => results[shard] is null)];
            return (missing.Length == 0 ? WorkStatus.Done : forgotten ? WorkStatus.Unknown : WorkStatus.Running, this, null);
        }
    }
}
