using Ctwa.Training.Rewards;

namespace Ctwa.Training.Tests.Steps;

/// <summary>A reward that does what a test says.</summary>
/// <param name="score">Gets the number of the call (from 1, over all runs that share the object) and the completion.</param>
internal sealed class ScriptedReward(Func<int, ScoredCompletion, double> score) : IReward
{
    public int Calls { get; private set; }

    public double Score(in ScoredCompletion completion, in RewardContext context) => score(++Calls, completion);
}
