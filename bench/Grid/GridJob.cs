using Ctwa.Training.Specification;

namespace Ctwa.Bench.Grid;

/// <summary>A job that is run in several ways.</summary>
/// <param name="Suffix">Of its lines' keys.</param>
/// <param name="What">For readers.</param>
/// <param name="Set">What is changed in the quick-start.</param>
/// <param name="SupervisedSteps">Of the first stage; the first half of them is not measured.</param>
/// <param name="Steps">Of reinforcement learning.</param>
/// <param name="Skip">The first of them, beside which the runtime still compiles code (more code on a grid), are not measured: that is start-up.</param>
internal sealed record GridJob(string Suffix, string What, string[] Set, int SupervisedSteps, int Steps, int Skip)
{
    private static readonly GridJob s_larger = new(
        "_2m", "2M parameters", ["model.init.hidden_size=192", "model.init.intermediate_size=512", "model.init.num_hidden_layers=5", "rollout.prompts_per_step=8", "update.prompts_per_update=4"], SupervisedSteps: 60, Steps: 16, Skip: 8);

    /// <summary>The quick-start; and a larger model, which a short run leaves out.</summary>
    public static GridJob[] All(bool quick)
    {
        var small = new GridJob("", "quick-start", [], SupervisedSteps: quick ? 200 : 600, Steps: quick ? 20 : 45, Skip: quick ? 12 : 25);
        return quick ? [small] : [small, s_larger];
    }

    /// <summary>Writes the job, resolved, without validations and checkpoints between its steps.</summary>
    /// <returns>Path of the file.</returns>
    public string WriteTo(string folder)
    {
        string[] overrides =
        [
            .. Set, FormattableString.Invariant($"warm_start.steps={SupervisedSteps}"), FormattableString.Invariant($"schedule.steps={Steps}"),
            "schedule.validate_every=0", "schedule.validation_prompts=8", "schedule.validation_samples=1", "schedule.checkpoint_every=1000",
        ];
        var read = JobSpecReader.Read(Path.Combine(Checkout.Find().Root, "examples", "quickstart.yaml"), overrides);
        string path = Path.Combine(folder, "job.yaml");
        File.WriteAllText(path, JobSpecYaml.Write(read.Spec ?? throw new InvalidOperationException(string.Join('\n', read.Errors))));
        return path;
    }
}
