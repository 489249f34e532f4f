namespace Ctwa.Training.Steps;

/// <summary>Somebody who computed for the run is gone, or no longer has what the step needs. The step is done again after a recovery.</summary>
public sealed class ComputeLostException : Exception
{
    public ComputeLostException() { }
    public ComputeLostException(string message) : base(message) { }
    public ComputeLostException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>No complete copy of the committed weights survives outside the run's files; the run goes back to its last checkpoint.</summary>
public sealed class StateLostException : Exception
{
    public StateLostException() { }
    public StateLostException(string message) : base(message) { }
    public StateLostException(string message, Exception inner) : base(message, inner) { }
}
