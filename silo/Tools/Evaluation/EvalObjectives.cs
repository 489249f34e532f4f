using System.Text;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>The objectives of an evaluation: those of a job, or written on the command line.</summary>
internal static class EvalObjectives
{
    /// <summary>
    /// <c>KIND</c>, <c>NAME=KIND</c>, or <c>NAME={kind: KIND, key: value}</c> for rewards with settings; read and checked as
    /// in a job file.
    /// </summary>
    /// <exception cref="ToolFailure">One is no objective; the message lists everything.</exception>
    /// <returns>A job of which only the objectives mean something.</returns>
    public static JobSpec Parse(IReadOnlyList<string> texts)
    {
        var job = new StringBuilder("name: eval\nmodel: { path: . }\ndata: { train: { task: arithmetic } }\nschedule: { validate_every: 0 }\nobjectives:\n");
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? text : text[..equals], reward = equals < 0 ? text : text[(equals + 1)..];
            if (name.Trim().Length == 0 || reward.Trim().Length == 0 || text.AsSpan().ContainsAny('\n', '\r')) { throw Wrong($"--reward {text}: write KIND or NAME=KIND, such as --reward accuracy=math_boxed."); }
            string settings = reward.TrimStart().StartsWith('{') ? reward : $"{{ kind: {Quote(reward)} }}";
            job.Append("- { name: ").Append(Quote(name)).Append(", reward: ").Append(settings).Append(" }\n");
        }

        var read = JobSpecReader.ReadText("--reward", job.ToString(), []);
        return read.Spec ?? throw Wrong(string.Join('\n', read.Errors.Select(error => $"--reward{(error.Path.Length > 0 ? $" {error.Path}" : "")}: {error.Message}")));
    }

    private static string Quote(string text) => $"'{text.Trim().Replace("'", "''", StringComparison.Ordinal)}'";

    private static ToolFailure Wrong(string message) => new(ToolExitCodes.BadInput, message);
}
