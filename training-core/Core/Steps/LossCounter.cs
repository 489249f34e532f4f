namespace Ctwa.Training.Steps;

/// <summary>
/// Counts losses in a row without a finished step between them. Silos die of many things; a step that takes every silo with it
/// that tries is the job's own doing, and must not go through the whole grid for ever.
/// </summary>
internal sealed class LossCounter
{
    /// <summary>Losses in a row that are bad luck.</summary>
    public const int Most = 12;

    private int _inARow;

    /// <exception cref="InvalidOperationException">Too many in a row.</exception>
    public void Count(Exception lost)
    {
        if (++_inARow > Most) { throw new InvalidOperationException($"silos were lost {Most} times in a row without a finished step between them; the last time: {lost.Message} See the silos' logs, then resume the run.", lost); }
    }

    public void Forget() => _inARow = 0;
}
