using System.Collections.Immutable;
using System.Diagnostics;
using Ctwa.Training.Specification;
using Ctwa.Training.Telemetry;

namespace Ctwa.Training.Rewards;

/// <summary>The opened rewards of a job on one silo: programs, connections and models behind the sources.</summary>
public sealed class RewardSet : IDisposable
{
    private readonly JobSpec _job;
    private readonly IRewardModel[] _models;
    private readonly KeyValuePair<string, object?>[] _kinds;

    private RewardSet(JobSpec job, ImmutableArray<RewardSource> sources, IRewardModel[] models)
    {
        (_job, Sources, _models) = (job, sources, models);
        _kinds = [.. sources.Select(source => new KeyValuePair<string, object?>(TelemetryNames.KindLabel, source.Reward.KindName()))];
    }

    /// <summary>What is asked, in the order of the objectives.</summary>
    public ImmutableArray<RewardSource> Sources { get; }

    /// <summary>Opens the sources of a job. Programs start and models load when they are first asked.</summary>
    /// <param name="job">A checked job.</param>
    /// <param name="plain">Plain reward per source; null where it is not plain.</param>
    /// <param name="services">What the host lends.</param>
    /// <exception cref="InvalidDataException">A token's environment variable is not set, or a file is not what the job says.</exception>
    public static RewardSet Open(JobSpec job, IReadOnlyList<IReward?> plain, RewardServices services)
    {
        var sources = RewardSource.Of(job);
        var models = new List<IRewardModel>();
        try
        {
            for (int i = 0; i < sources.Length; i++)
            {
                models.Add(plain[i] is { } reward
                    ? new PlainRewardModel(new ObjectiveScorer(job.Objectives[sources[i].Objectives[0]], reward), sources[i].Timeout, services.Parallel)
                    : RewardRegistry.Open(sources[i], job.Seed, services));
            }

            return new RewardSet(job, sources, [.. models]);
        }
        catch
        {
            models.ForEach(model => model.Dispose());
            throw;
        }
    }

    /// <summary>Asks one source about completions.</summary>
    /// <returns>Attempts per objective of the source and completion, in the order of <see cref="RewardSource.Objectives"/>.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<IReadOnlyList<ScoreAttempt[]>> ScoreAsync(int source, IReadOnlyList<ScoredCompletion> items, RewardContext context, CancellationToken cancellationToken)
    {
        var asked = Sources[source];
        long start = Stopwatch.GetTimestamp();
        RewardReply[] replies;
        try
        {
            replies = await _models[source].ScoreAsync(items, context, cancellationToken);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // Whatever a source throws is its own failure, which the objectives' policies decide about.
            replies = [.. items.Select(_ => RewardReply.Failed($"{error.GetType().Name}: {error.Message}"))];
        }

        JobInstruments.RewardDuration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, _kinds[source]);
        return [.. asked.Objectives.Select(objective => replies.Select(reply => reply.Select(asked.Name, _job.Objectives[objective].Reward as SharedRewardSpec)).ToArray())];
    }

    /// <summary>
    /// Asks every source about a step's completions, in the calls that the grid makes: shard by shard, cut by
    /// <see cref="ScoreBatches"/>; plain rewards, to which grouping is nothing, in the step's order. Blocks the calling thread,
    /// on which models compute.
    /// </summary>
    /// <param name="items">Completions in the step's order.</param>
    /// <param name="rowsOf">Indices of each shard's completions.</param>
    /// <param name="context">Statistics of the run.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Attempts per objective and completion.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ScoreAttempt[][] ScoreAll(IReadOnlyList<ScoredCompletion> items, IEnumerable<int[]> rowsOf, RewardContext context, CancellationToken cancellationToken)
    {
        var columns = new ScoreAttempt[_job.Objectives.Count][];
        for (int j = 0; j < columns.Length; j++) { columns[j] = new ScoreAttempt[items.Count]; }
        int[][] shards = [.. rowsOf];
        for (int source = 0; source < Sources.Length; source++)
        {
            foreach (int[] rows in _models[source] is PlainRewardModel ? [[.. Enumerable.Range(0, items.Count)]] : shards)
            {
                ScoredCompletion[] part = [.. rows.Select(row => items[row])];
                foreach (var range in ScoreBatches.Cut(part))
                {
                    int[] asked = rows[range];
                    var scored = ScoreAsync(source, part[range], context, cancellationToken).GetAwaiter().GetResult();
                    for (int k = 0; k < scored.Count; k++)
                    {
                        for (int i = 0; i < asked.Length; i++) { columns[Sources[source].Objectives[k]][asked[i]] = scored[k][i]; }
                    }
                }
            }
        }

        return columns;
    }

    public void Dispose()
    {
        foreach (var model in _models) { model.Dispose(); }
    }
}
