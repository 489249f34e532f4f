namespace Ctwa.Grains.Abstractions;

/// <summary>The caller acts for a coordinator that has been replaced by one with a higher epoch: nothing was done (invariant I5).</summary>
[GenerateSerializer, Alias("ctwa.StaleCoordinatorException")]
public sealed class StaleCoordinatorException : Exception
{
    public StaleCoordinatorException() { }
    public StaleCoordinatorException(string message) : base(message) { }
    public StaleCoordinatorException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>The silo holds nothing of this job: it was restarted, or has freed it.</summary>
[GenerateSerializer, Alias("ctwa.JobNotHereException")]
public sealed class JobNotHereException : Exception
{
    public JobNotHereException() { }
    public JobNotHereException(string message) : base(message) { }
    public JobNotHereException(string message, Exception inner) : base(message, inner) { }
}
