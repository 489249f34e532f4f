using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs.Logs;

/// <summary>
/// What a job tells people, kept in its run directory beside the metrics: who reads it later, or from elsewhere, finds it after
/// the death of every silo. Written by a task of its own, never in the training's way: what storage does not take in time is dropped.
/// </summary>
internal sealed class JobLog : IAsyncDisposable
{
    /// <summary>Longer texts are cut.</summary>
    public const int LongestText = 4000;

    private const int Capacity = 256;
    private static readonly TimeSpan s_lastWords = TimeSpan.FromSeconds(2);

    private readonly System.Threading.Channels.Channel<JobLogLine> _waiting = System.Threading.Channels.Channel.CreateBounded<JobLogLine>(new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });
    private readonly string _path;
    private readonly long _epoch;
    private readonly TimeProvider _time;
    private readonly Task _pump;

    /// <param name="folder">Run directory.</param>
    /// <param name="epoch">Incarnation of the coordinator that speaks; lines of one that was replaced can be told by it.</param>
    /// <param name="time">Clock.</param>
    public JobLog(string folder, long epoch, TimeProvider time)
    {
        (_path, _epoch, _time) = (Path.Combine(folder, JobLogReader.FileName), epoch, time);
        _pump = Task.Run(PumpAsync);
    }

    /// <summary>Returns at once.</summary>
    public void Add(JobLogLevel level, string text) => _waiting.Writer.TryWrite(new JobLogLine(_time.GetUtcNow(), _epoch, level, text.Length <= LongestText ? text : text[..LongestText] + "..."));

    /// <summary>Gives what waits a moment to be written.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _pump.WaitAsync(s_lastWords).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>One line of the file.</summary>
    internal static string Format(JobLogLine line) => new JsonObject
    {
        ["time"] = line.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", System.Globalization.CultureInfo.InvariantCulture),
        ["epoch"] = line.Epoch,
        ["level"] = line.Level.ToString().ToLowerInvariant(),
        ["text"] = line.Text,
    }.ToJsonString();

    private async Task PumpAsync()
    {
        while (await _waiting.Reader.WaitToReadAsync())
        {
            var text = new StringBuilder();
            while (_waiting.Reader.TryRead(out var line)) { text.Append(Format(line)).Append('\n'); }
            try
            {
                // Opened anew each time: a coordinator that replaces this one writes at the end of the same file.
                using var file = new FileStream(_path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
                if (file.Length < JobLogReader.LargestFile) { file.Write(Encoding.UTF8.GetBytes(text.ToString())); }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full disk ends the job by what it must write; this is for people only.
            }
        }
    }
}
