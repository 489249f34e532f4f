using System.Collections.Immutable;
using System.Text;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs;

/// <summary>Cuts lists of jobs into answers of at most <see cref="GridLimits.AnswerBytes"/>.</summary>
internal static class JobPages
{
    // Numbers, times, hash and the frame of a record.
    private const int FixedBytes = 400;

    public static (ImmutableArray<JobRecord> Jobs, bool More) After(ImmutableArray<JobRecord> jobs, long number)
    {
        var page = ImmutableArray.CreateBuilder<JobRecord>();
        int bytes = 0;
        foreach (var job in jobs)
        {
            if (job.Number <= number) { continue; }
            bytes += FixedBytes + ((string?[])[job.JobId, job.RunDirectory, job.SubmittedBy, job.Failure?.Message, .. job.Peers]).Sum(text => Encoding.UTF8.GetByteCount(text ?? ""));
            if (bytes > GridLimits.AnswerBytes && page.Count > 0) { return (page.ToImmutable(), true); }
            page.Add(job);
        }

        return (page.ToImmutable(), false);
    }
}
