namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Bounds what one rendering may cost, so that no template of a downloaded model hangs or fills the memory.</summary>
internal sealed class JinjaBudget
{
    /// <summary>Deepest nesting of evaluations, calls of macros included.</summary>
    public const int MaxDepth = 400;

    /// <summary>Longest text that a template may write, in UTF-16 units.</summary>
    public const int MaxOutput = 16 << 20;

    /// <summary>A last resort against operations that are dearer than what they are charged.</summary>
    private const int MaxMilliseconds = 30_000;

    private readonly long _deadline = Environment.TickCount64 + MaxMilliseconds;
    private readonly long _steps;
    private long _left;

    /// <param name="steps">Evaluated nodes, characters made and items made, together.</param>
    public JinjaBudget(long steps) => _steps = _left = steps;

    public int Depth { get; private set; }

    /// <summary>Charges work before it is done.</summary>
    public void Spend(long cost, int position)
    {
        if (cost > _left) { throw new JinjaException($"rendering takes more than {_steps} steps; the template does not end, or makes far more than it was given", position); }
        if (Environment.TickCount64 > _deadline) { throw new JinjaException($"rendering takes more than {MaxMilliseconds / 1000} s", position); }
        _left -= cost;
    }

    public void Enter(int position)
    {
        // The second condition is the machine's: a thread may have a small stack.
        if (++Depth > MaxDepth || !System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new JinjaException($"evaluation is nested more than {MaxDepth} deep", position);
        }
    }

    public void Leave() => Depth--;
}
