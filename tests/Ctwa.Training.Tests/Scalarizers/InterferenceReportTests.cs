using System.Text.Json;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class InterferenceReportTests
{
    private static readonly string[] Names = ["accuracy", "conciseness", "clarity"];

    private static ObjectiveMean[] Means(params double[] means) => [.. means.Select(mean => new ObjectiveMean(mean, 0.03))];

    [Fact]
    public void A_fallen_objective_with_negative_covariance_paid_for_those_that_rose()
    {
        var report = InterferenceReport.Create(Names, Means(0.46, 0.44, 0.45), Means(0.04, 0.96, 1.0), [-0.1, 0.2, 0.25]);
        Assert.Equal([ObjectiveVerdict.Fell, ObjectiveVerdict.Rose, ObjectiveVerdict.Rose], report.Changes.Select(change => change.Verdict));
        Assert.Equal([new("accuracy", "conciseness", -0.1, 0.2), new("accuracy", "clarity", -0.1, 0.25)], report.Pairs);
        Assert.Equal(-0.42, report.Changes[0].Change, 1e-12);
        Assert.Equal(Math.Sqrt(2) * 0.03, report.Changes[0].ChangeError, 1e-12);
    }

    [Fact]
    public void A_stalled_objective_with_the_lowest_covariance_paid_too_even_if_that_is_positive()
    {
        var report = InterferenceReport.Create(Names, Means(0.46, 0.44, 0.45), Means(0.5, 0.96, 0.46), [0.02, 0.2, 0.1]);
        Assert.Equal([ObjectiveVerdict.Stalled, ObjectiveVerdict.Rose, ObjectiveVerdict.Stalled], report.Changes.Select(change => change.Verdict));
        Assert.Equal([("accuracy", "conciseness")], report.Pairs.Select(pair => (pair.Payer, pair.Gainer)));
    }

    [Fact]
    public void A_fall_counts_even_where_the_covariance_did_not_predict_it()
    {
        var report = InterferenceReport.Create(Names, Means(0.46, 0.44, 0.45), Means(0.1, 0.96, 1.0), [0.12, 0.04, 0.03]);
        Assert.Equal([("accuracy", "conciseness"), ("accuracy", "clarity")], report.Pairs.Select(pair => (pair.Payer, pair.Gainer)));
    }

    [Fact]
    public void Where_everything_rose_or_nothing_rose_nobody_paid()
    {
        Assert.Empty(InterferenceReport.Create(Names, Means(0.4, 0.4, 0.4), Means(0.9, 0.9, 0.9), [0.1, -0.1, 0.1]).Pairs);
        Assert.Empty(InterferenceReport.Create(Names, Means(0.4, 0.4, 0.4), Means(0.1, 0.4, 0.4), [-0.1, 0, 0.1]).Pairs);
    }

    [Fact]
    public void An_objective_at_its_ceiling_before_and_after_paid_nothing()
    {
        var report = InterferenceReport.Create(["full", "other"], [new(1, 0), new(0.4, 0.03)], [new(1, 0), new(0.9, 0.03)], [0, 0.2]);
        Assert.Equal(ObjectiveVerdict.Stalled, report.Changes[0].Verdict);
        Assert.Empty(report.Pairs);
    }

    [Fact]
    public void A_change_counts_from_two_standard_errors_on()
    {
        ObjectiveVerdict Verdict(double after) => InterferenceReport.Create(["a"], [new(0.5, 0.03)], [new(after, 0.04)], [0.1]).Changes[0].Verdict;
        Assert.Equal(ObjectiveVerdict.Stalled, Verdict(0.599));
        Assert.Equal(ObjectiveVerdict.Rose, Verdict(0.601));
        Assert.Equal(ObjectiveVerdict.Stalled, Verdict(0.401));
        Assert.Equal(ObjectiveVerdict.Fell, Verdict(0.399));
    }

    [Fact]
    public void Standard_errors_count_prompts_and_not_samples()
    {
        var mean = ObjectiveMean.OfPrompts([0, 0, 1, 1], [7, 7, 8, 8]);
        Assert.Equal(0.5, mean.Mean);
        Assert.Equal(0.5, mean.StandardError, 1e-12);
        Assert.Equal(0, ObjectiveMean.OfPrompts([0, 1], [7, 7]).StandardError);
        Assert.Throws<ArgumentException>(() => ObjectiveMean.OfPrompts([], []));
    }

    [Fact]
    public void Lists_of_different_length_are_refused_and_a_report_survives_json()
    {
        Assert.Throws<ArgumentException>(() => InterferenceReport.Create(Names, Means(1, 2, 3), Means(1, 2, 3), [0]));
        var report = InterferenceReport.Create(Names, Means(0.46, 0.44, 0.45), Means(0.04, 0.96, 1.0), [-0.1, 0.2, 0.25]);
        var again = JsonSerializer.Deserialize<InterferenceReport>(JsonSerializer.Serialize(report))!;
        Assert.Equal(report.Changes, again.Changes);
        Assert.Equal(report.Pairs, again.Pairs);
    }
}
