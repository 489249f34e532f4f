namespace Ctwa.Training.Scalarizers;

/// <summary>What became of an objective between two validations.</summary>
public enum ObjectiveVerdict
{
    /// <summary>Rose by at least two standard errors of the difference.</summary>
    Rose,

    /// <summary>Changed by less than two standard errors.</summary>
    Stalled,

    /// <summary>Fell by at least two standard errors.</summary>
    Fell,
}

/// <summary>One objective's row.</summary>
/// <param name="Name">Name of the objective.</param>
/// <param name="Before">First validation.</param>
/// <param name="After">Last validation.</param>
/// <param name="Change">After − before.</param>
/// <param name="ChangeError">Standard error of the change, the two validations taken as independent.</param>
/// <param name="Verdict">Rose, stalled or fell.</param>
/// <param name="MeanCovariance">Mean over the training steps of the within-prompt covariance with the training signal.</param>
public sealed record ObjectiveChange(string Name, ObjectiveMean Before, ObjectiveMean After, double Change, double ChangeError, ObjectiveVerdict Verdict, double MeanCovariance);

/// <summary>One objective paid for another's gain.</summary>
/// <param name="Payer">It fell; or it stalled, and the training signal pushed against it, or pushed it least of all.</param>
/// <param name="Gainer">It rose.</param>
/// <param name="PayerCovariance">Mean covariance of the payer.</param>
/// <param name="GainerCovariance">Mean covariance of the gainer.</param>
public sealed record InterferencePair(string Payer, string Gainer, double PayerCovariance, double GainerCovariance);

/// <summary>
/// Which objectives rose, stalled or fell, and which paid for which, with the numbers behind it. It states what went
/// together, not what would have happened under another weighting.
/// </summary>
public sealed record InterferenceReport(IReadOnlyList<ObjectiveChange> Changes, IReadOnlyList<InterferencePair> Pairs)
{
    /// <summary>A change counts from this many standard errors on.</summary>
    private const double StandardErrors = 2;

    /// <summary>Builds the report; all lists are in the objectives' order.</summary>
    /// <param name="objectives">Names.</param>
    /// <param name="before">First validation.</param>
    /// <param name="after">Last validation.</param>
    /// <param name="meanCovariance">Mean over steps of covariance/NAME.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static InterferenceReport Create(IReadOnlyList<string> objectives, IReadOnlyList<ObjectiveMean> before, IReadOnlyList<ObjectiveMean> after, IReadOnlyList<double> meanCovariance)
    {
        int count = objectives.Count;
        if (before.Count != count || after.Count != count || meanCovariance.Count != count) { throw new ArgumentException($"{count} objectives have {before.Count} means before, {after.Count} after and {meanCovariance.Count} covariances; give one of each per objective.", nameof(objectives)); }
        ObjectiveChange[] changes = [.. objectives.Select((name, j) => Change(name, before[j], after[j], meanCovariance[j]))];
        double lowest = meanCovariance.DefaultIfEmpty().Min();
        var pairs =
            from payer in changes
            // A fall counts whatever the covariance says: the law is of first order, and a mean over steps hides a fall
            // within the first few. A stall counts only where the signal explains it.
            where payer.Verdict == ObjectiveVerdict.Fell
                || (payer.Verdict == ObjectiveVerdict.Stalled && !IsConstant(payer) && (payer.MeanCovariance < 0 || payer.MeanCovariance == lowest))
            from gainer in changes
            where gainer.Verdict == ObjectiveVerdict.Rose
            select new InterferencePair(payer.Name, gainer.Name, payer.MeanCovariance, gainer.MeanCovariance);
        return new(changes, [.. pairs]);
    }

    /// <summary>Every prompt scored the same, before and after: an objective at its ceiling has nothing to pay.</summary>
    private static bool IsConstant(ObjectiveChange change) => change is { Change: 0, ChangeError: 0 };

    private static ObjectiveChange Change(string name, ObjectiveMean before, ObjectiveMean after, double covariance)
    {
        double change = after.Mean - before.Mean, error = Math.Sqrt((before.StandardError * before.StandardError) + (after.StandardError * after.StandardError));
        var verdict = change == 0 || Math.Abs(change) < StandardErrors * error ? ObjectiveVerdict.Stalled : change > 0 ? ObjectiveVerdict.Rose : ObjectiveVerdict.Fell;
        return new(name, before, after, change, error, verdict, covariance);
    }
}
