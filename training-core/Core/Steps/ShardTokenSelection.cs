using Ctwa.Training.Losses;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>Chooses tokens for the losses that treat some apart (clip-cov, kl-cov); their scope is the shard's part of an update.</summary>
internal sealed class ShardTokenSelection(JobSpec spec, PolicyForward forward)
{
    /// <summary>Tokens that the loss treats apart, over all of the shard's part of the update and for each of its advantages; one more forward pass.</summary>
    /// <returns>[advantages][completions][L]; of dropped completions, empty.</returns>
    public bool[][][] Select(IReadOnlyList<Completion> completions, PolicyPart part)
    {
        // The same micro-batches as in back-propagation, so that shapes and so log-probabilities are the same.
        int[][] microBatches = [.. MicroBatches.Of(spec.Update, completions, part.Halvings).Select(batch => batch.Where(i => part.Advantages[0].Valid[i]).ToArray()).Where(batch => batch.Length > 0)];
        int[] valid = [.. microBatches.SelectMany(batch => batch)];
        var present = new List<float>();
        var compared = new List<float>();
        var draws = new List<ulong>();
        foreach (int[] rows in microBatches)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var batch = forward.Pack(completions, rows);
            present.AddRange(PolicyForward.Floats(forward.OfPolicy(batch)));
            if (part.Rows.RatioToReference) { compared.AddRange(PolicyForward.Floats(forward.OfReference(batch))); }
            else { compared.AddRange(rows.SelectMany(row => spec.Loss.ImportanceCap > 0 ? completions[row].Signals!.LogProbabilities : completions[row].LogProbabilities)); }
            foreach (int row in rows)
            {
                var (prompt, sample) = (completions[row].Prompt.StepIndex, completions[row].Sample + (spec.Rollout.SamplesPerPrompt * part.Update));
                for (int t = 0; t < completions[row].Tokens.Length; t++) { draws.Add(CounterRandom.Bits(spec.Seed, RandomPurpose.TokenSelection, part.Step, prompt, sample, t)); }
            }
        }

        float[] old = [.. compared], current = [.. present];
        return [.. part.Advantages.Select(one =>
        {
            float[] advantages = PolicyForward.TokenAdvantages(one, completions, valid);
            bool[] chosen = spec.Loss.Kind == LossKind.KlCov
                ? TokenSelection.ForPenalty(advantages, current, spec.Loss.CovShare)
                : TokenSelection.ForClipping(advantages, current, old, spec.Loss, [.. draws]);
            var perCompletion = new bool[completions.Count][];
            int at = 0;
            foreach (int row in valid)
            {
                perCompletion[row] = chosen[at..(at + completions[row].Tokens.Length)];
                at += completions[row].Tokens.Length;
            }

            return perCompletion;
        })];
    }
}
