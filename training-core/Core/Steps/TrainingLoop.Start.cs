using System.Diagnostics;
using System.Text.Json.Nodes;
using Ctwa.Training.Datasets;
using Ctwa.Training.Diagnostics;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Runs;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>Where a run begins: at its last commit, at its last checkpoint, or anew; and where its second stage does.</summary>
public sealed partial class TrainingLoop
{
    /// <summary>Goes on after the last committed step, where the silos still hold what it left; null: they do not.</summary>
    private async Task<TrainingRunState?> ContinueAsync(CancellationToken cancellationToken)
    {
        if (run.CommittedState() is not { } state || run.Checkpoints.NewestIntact(observer.Warning) is not { } checkpoint) { return null; }
        DataFingerprints.Check(checkpoint.Path, job.DataFiles);
        if (!await _backend.TryContinueAsync(state.PolicyVersion, state.ReferenceSha256 is not null, cancellationToken)) { return null; }
        run.TruncateTo(state.Stage, state.Step);
        run.CommitState(state);
        _checkpoints.GoOnFrom(checkpoint.Path, checkpoint.State);
        _faults.Continued(state);
        observer.Message($"continued after {RunDirectory.StepName(state.Stage, state.Step)}");
        return state;
    }

    private async Task<TrainingRunState> LoadAsync(CancellationToken cancellationToken)
    {
        await _backend.GatherAsync(cancellationToken);
        if (run.Checkpoints.NewestIntact(observer.Warning) is { } found)
        {
            var state = found.State;
            CheckpointOrigin.Check(found.Path, _spec, observer.Warning, _backend.Fingerprint);
            DataFingerprints.Check(found.Path, job.DataFiles);
            if (state.Scalarizer is { } memory && job.Scalarizer?.Initial() is { } expected) { memory.Require(expected.Method, expected.Version, expected.Objectives); }
            if (state.ReferenceSha256 is { } sha && (!File.Exists(ReferencePath) || CheckpointStore.Hash(ReferencePath) != sha)) { throw new RunDirectoryException($"'{ReferencePath}' is missing or damaged, and the job's KL term needs the reference policy; restore it or start a new run."); }
            await _backend.LoadAsync(found.Path, state.ReferenceSha256 is null ? null : ReferencePath, state.PolicyVersion, cancellationToken);
            var committed = run.CommittedState();
            run.TruncateTo(state.Stage, state.Step);
            run.CommitState(state);
            _faults.Resumed(state, committed);
            run.Write(run.Path, () => DataFingerprints.WriteTo(run.Path, job.DataFiles));
            _checkpoints.GoOnFrom(found.Path, state);
            observer.Message($"resumed after {RunDirectory.StepName(state.Stage, state.Step)}");
            return state;
        }

        // Recorded scores of a run that died before its first checkpoint belong to its data.
        DataFingerprints.Check(run.Path, job.DataFiles);
        run.TruncateTo(TrainingStage.Supervised, -1);
        _checkpoints.GoOnFrom(null, null);
        run.Write(run.Path, () => DataFingerprints.WriteTo(run.Path, job.DataFiles));
        await _backend.LoadAsync(null, null, policyVersion: 0, cancellationToken);
        _faults.Started(job.Supervised is null ? TrainingStage.Rl : TrainingStage.Supervised);
        observer.Message($"{job.Layout.Entries.Sum(entry => entry.Length):N0} parameters, {_spec.Grid.Shards} shards, {_spec.Grid.Slices} slices");
        var initial = new TrainingRunState
        {
            Stage = TrainingStage.Supervised,
            Step = 0,
            Updates = 0,
            PolicyVersion = 0,
            Cursor = DatasetCursor.Start,
            Lengths = ResponseLengthStatistics.Start(_spec.Objectives),
            CovarianceSums = new double[_spec.Objectives.Count],
        };
        return job.Supervised is null ? await BeginReinforcementAsync(initial, cancellationToken) : initial;
    }

    /// <summary>From the supervised stage (or the given model) to reinforcement learning: new optimizer, frozen reference.</summary>
    private async Task<TrainingRunState> BeginReinforcementAsync(TrainingRunState state, CancellationToken cancellationToken)
    {
        await _backend.ResetOptimizerAsync(cancellationToken);
        // What depends on the objectives begins here: a supervised checkpoint may be that of a job with other ones.
        state = state with { Stage = TrainingStage.Rl, Step = 0, Updates = 0, Scalarizer = job.Scalarizer!.Initial(), RewardKl = _spec.RewardKl is { } penalty ? Losses.RewardKlState.Initial(penalty) : null, Lengths = ResponseLengthStatistics.Start(_spec.Objectives), CovarianceSums = new double[_spec.Objectives.Count] };
        if (!job.CopiesReference) { return state; }
        string temporary = FormattableString.Invariant($"{ReferencePath}.{run.Epoch}.tmp");
        await RunDirectoryException.GuardAsync(ReferencePath, async () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(ReferencePath)!);
            await _backend.FreezeReferenceAsync(temporary, cancellationToken);
        });
        run.Write(ReferencePath, () =>
        {
            File.Move(temporary, ReferencePath, overwrite: true);
            AtomicFile.SyncFolder(Path.GetDirectoryName(ReferencePath)!);
        });
        return state with { ReferenceSha256 = CheckpointStore.Hash(ReferencePath) };
    }
}
