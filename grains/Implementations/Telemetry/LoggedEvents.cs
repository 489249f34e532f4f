using Ctwa.Grains.Coordination;
using Ctwa.Training.Steps;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Telemetry;

/// <summary>
/// Also says in the silo's log what a job's watchers are told, at the level of information: a collector of logs gets it with the trace of the
/// step, the console does not show it.
/// </summary>
internal sealed partial class LoggedEvents(JobEvents events, string jobId, ILogger logger) : ITrainingObserver
{
    public void Message(string text)
    {
        events.Message(text);
        LogText(logger, jobId, text);
    }

    public void Warning(string text)
    {
        events.Warning(text);
        LogWarning(logger, jobId, text);
    }

    public void Metrics(TrainingStage stage, string json)
    {
        events.Metrics(stage, json);
        LogStep(logger, jobId, stage);
    }

    public void Checkpoint(TrainingStage stage, int step, string path)
    {
        events.Checkpoint(stage, step, path);
        LogCheckpoint(logger, jobId, stage, step, path);
    }

    public void Summary(string json) => events.Summary(json);

    [LoggerMessage(EventId = 411, Level = LogLevel.Information, Message = "job {JobId}: {Text}")]
    private static partial void LogText(ILogger logger, string jobId, string text);

    [LoggerMessage(EventId = 412, Level = LogLevel.Information, Message = "job {JobId} warns: {Text}")]
    private static partial void LogWarning(ILogger logger, string jobId, string text);

    [LoggerMessage(EventId = 413, Level = LogLevel.Information, Message = "job {JobId}: a step of stage {Stage} is done")]
    private static partial void LogStep(ILogger logger, string jobId, TrainingStage stage);

    [LoggerMessage(EventId = 414, Level = LogLevel.Information, Message = "job {JobId}: checkpoint of stage {Stage}, step {Step}: {Path}")]
    private static partial void LogCheckpoint(ILogger logger, string jobId, TrainingStage stage, int step, string path);
}
