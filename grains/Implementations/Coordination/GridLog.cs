using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Coordination;

/// <summary>What a coordinator says in its silo's log about who computes.</summary>
/// <param name="tell">Also tells those who watch or read the job's log.</param>
internal sealed partial class GridLog(string jobId, ILogger logger, Action<JobLogLevel, string>? tell = null)
{
    private readonly HashSet<string> _impostors = [];
    private int _waiting;

    public void Placed(JobPlacement plan)
    {
        _waiting = 0;
        string members = string.Join(", ", plan.Members.Select((member, m) => FormattableString.Invariant($"{member.Silo} {plan.ShardMembers.Count(one => one == m)} shards")));
        LogPlaced(logger, jobId, plan.Generation, members);
        tell?.Invoke(JobLogLevel.Info, FormattableString.Invariant($"plan {plan.Generation}: {members}"));
    }

    public void Waiting()
    {
        if (_waiting++ % 20 != 0) { return; }
        LogWaiting(logger, jobId);
        tell?.Invoke(JobLogLevel.Warning, "waits for a silo that can compute for it");
    }

    public void Impostor(string silo)
    {
        if (!_impostors.Add(silo)) { return; }
        LogImpostor(logger, jobId, silo);
        tell?.Invoke(JobLogLevel.Error, $"silo {silo} gets no part: it does not know the grid's secret");
    }

    public void Straggled(int shard, string silo)
    {
        LogStraggled(logger, jobId, shard, silo);
        tell?.Invoke(JobLogLevel.Info, FormattableString.Invariant($"shard {shard} straggled; silo {silo} was faster"));
    }

    [LoggerMessage(EventId = 401, Level = LogLevel.Information, Message = "job {JobId}: plan {Generation}: {Members}")]
    private static partial void LogPlaced(ILogger logger, string jobId, int generation, string members);

    [LoggerMessage(EventId = 402, Level = LogLevel.Warning, Message = "job {JobId} waits for a silo that can compute for it")]
    private static partial void LogWaiting(ILogger logger, string jobId);

    [LoggerMessage(EventId = 404, Level = LogLevel.Error, Message = "job {JobId} gives silo {Silo} no part: it does not know the grid's secret")]
    private static partial void LogImpostor(ILogger logger, string jobId, string silo);

    [LoggerMessage(EventId = 403, Level = LogLevel.Information, Message = "job {JobId}: shard {Shard} straggled; silo {Silo} was faster")]
    private static partial void LogStraggled(ILogger logger, string jobId, int shard, string silo);
}
