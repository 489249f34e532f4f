namespace Ctwa.Training.Steps;

/// <summary>How a run ended.</summary>
public enum RunOutcome
{
    /// <summary>All steps are done.</summary>
    Finished,

    /// <summary>On request, with a checkpoint.</summary>
    Stopped,

    /// <summary>At a commit: another loop goes on after it with those who compute, and does no step again.</summary>
    HandedOver,
}
