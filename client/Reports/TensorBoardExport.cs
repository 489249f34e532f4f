using Ctwa.Client.Reports.Reading;
using Ctwa.Training.Tracking;

namespace Ctwa.Client.Reports;

/// <summary>Finished or running runs as TensorBoard event files, one folder per run below a folder for <c>tensorboard --logdir</c>.</summary>
internal static class TensorBoardExport
{
    /// <returns>The folders written.</returns>
    /// <exception cref="CommandFailure">They cannot be.</exception>
    public static IReadOnlyList<string> Write(IReadOnlyList<RunRecord> runs, string folder)
    {
        try
        {
            var written = new List<string>();
            foreach (var run in runs)
            {
                string target = Path.Combine(folder, Path.GetFileName(run.Label) == run.Label && run.Label is not ("." or "..") ? run.Label : run.Label.Replace('/', '_'));
                using var history = TensorBoardHistory.Of(target, Path.Combine(run.Folder, "metrics.jsonl"), out _);
                history.Publish();
                written.Add(target);
            }

            return written;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"--tensorboard: event files cannot be written below {folder}: {e.Message} Choose a writable folder.");
        }
    }
}
