using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class JobYamlFuzzTests
{
    private static readonly string[] pieces = ["{", "}", "[", "]", ": ", ":", "- ", "\n", "\n  ", "\n\t", "#", "&a ", "*a", "!!x ", "|", ">", "'", "\"", "? ", "---\n", "...\n", "%YAML 1.2\n", "name", "model", "\\", ",", "\u0000", "\uD800", "é", "~", "@", "`", "|2-\n", "<<: "];

    [Property(MaxTest = 3000)]
    public bool Whatever_the_text_the_reader_answers(byte[] choices)
    {
        string text = string.Concat(choices.Select(c => pieces[c % pieces.Length]));
        var result = JobSpecReader.ReadText("job.yaml", text, []);
        return result.Errors.Count > 0 && result.Errors.All(e => e.Line >= 0 && e.Message.Length > 0);
    }

    [Property(MaxTest = 1500)]
    public bool Whatever_piece_is_put_into_a_good_job_the_reader_answers(ushort position, byte piece, ushort cut)
    {
        int at = position % Jobs.Small.Length, end = Math.Min(Jobs.Small.Length, at + cut % 5);
        string text = Jobs.Small[..at] + pieces[piece % pieces.Length] + Jobs.Small[end..];
        var result = JobSpecReader.ReadText("job.yaml", text, []);
        return result.Spec is null == result.Errors.Count > 0;
    }

    [Theory]
    [InlineData("[", 200_000)]
    [InlineData("{a: ", 60_000)]
    [InlineData("- ", 100_000)]
    [InlineData("? ", 100_000)]
    [InlineData("&a ", 60_000)]
    [InlineData("'", 200_001)]
    [InlineData("a: 1\n", 50_000)]
    [InlineData("a", 260_000)]
    [InlineData("9", 260_000)]
    public void Hostile_repetition_is_refused_quickly(string piece, int times)
    {
        string text = string.Concat(Enumerable.Repeat(piece, times));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.NotEmpty(JobSpecReader.ReadText("job.yaml", text[..Math.Min(text.Length, JobSpecReader.MaxBytes)], []).Errors);
        Assert.NotEmpty(JobSpecReader.ReadText("job.yaml", ("seed: " + text)[..Math.Min(text.Length, JobSpecReader.MaxBytes)], []).Errors);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"took {watch.Elapsed}.");
    }
}
