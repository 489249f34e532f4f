using System.Globalization;
using System.Text;

namespace Ctwa.Training.Specification;

/// <summary>What a job will do and need, told before anything is loaded: the text of <c>--dry-run</c>.</summary>
public sealed class JobPlan
{
    private readonly JobSpec job;
    private readonly IReadOnlyList<RewardModelFolder> rewardModels;

    private JobPlan(JobSpec job, ModelConfig model, int lanes, IReadOnlyList<RewardModelFolder> rewardModels)
    {
        this.job = job;
        Model = model;
        Lanes = lanes;
        Parameters = model.ParameterCount();
        this.rewardModels = rewardModels;
        Memory = MemoryEstimate.Of(job, model, lanes) with { RewardModels = RewardBytes() };
    }

    /// <summary>Shape of the model.</summary>
    public ModelConfig Model { get; }

    /// <summary>Compute lanes of the device for which memory is estimated.</summary>
    public int Lanes { get; }

    /// <summary>Parameters that are trained: all, or those of adapters.</summary>
    public long Trained => job.Model.Lora?.Parameters(Model).Sum(parameter => parameter.Count) ?? Parameters;

    /// <summary>Elements of all parameters.</summary>
    public long Parameters { get; }

    public MemoryEstimate Memory { get; }

    /// <summary>Prompts of one optimizer update.</summary>
    public int PromptsPerUpdate => job.Update.PromptsPerUpdate ?? job.Rollout.PromptsPerStep;

    /// <summary>Optimizer updates of one step.</summary>
    public int UpdatesPerStep => job.Rollout.PromptsPerStep / PromptsPerUpdate * job.Update.Epochs;

    /// <summary>Completions of one step.</summary>
    public long CompletionsPerStep => (long)job.Rollout.PromptsPerStep * job.Rollout.SamplesPerPrompt;

    /// <summary>Most tokens that one step generates.</summary>
    public long TokensPerStep => CompletionsPerStep * job.Rollout.MaxNewTokens;

    /// <param name="job">A job without errors.</param>
    /// <param name="model">Its model, from <see cref="JobInspector"/>.</param>
    /// <param name="lanes">Compute lanes of the device.</param>
    /// <param name="rewardModels">Models of its rewards, from <see cref="JobInspector"/>.</param>
    public static JobPlan Create(JobSpec job, ModelConfig model, int lanes = 2, params IReadOnlyList<RewardModelFolder> rewardModels) => new(job, model, lanes, rewardModels);

    /// <summary>Prompts of an update that shard <paramref name="shard"/> owns: contiguous parts, the sizes differ by at most one.</summary>
    public static (int First, int Count) ShardRange(int prompts, int shards, int shard)
    {
        long first = (long)prompts * shard / shards, end = (long)prompts * (shard + 1) / shards;
        return ((int)first, (int)(end - first));
    }

    /// <summary>What makes the job impossible on a device with that much memory, null bytes meaning unknown.</summary>
    public IReadOnlyList<JobFinding> Check(long? memoryBytes)
    {
        var findings = new List<JobFinding>();
        if (memoryBytes is { } limit && Memory.Total > limit)
        {
            findings.Add(new("", $"needs about {Bytes(Memory.Total)} of memory, but the machine has {Bytes(limit)}: {Breakdown()}. {Remedy()}"));
        }

        // A slice begins at a multiple of 64 bytes, 16 floats.
        if (job.Grid.Slices > (Trained + 15) / 16) { findings.Add(new("grid.slices", $"is {job.Grid.Slices}, but the model's {Trained} parameters can be cut into at most {(Trained + 15) / 16} slices of 64 bytes; give fewer.")); }
        return findings;
    }

    /// <summary>The plan for people, one fact a line.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        void Line(string name, string value) => text.Append(CultureInfo.InvariantCulture, $"{name,-12} {value}\n");
        Line("model", $"{ModelConfig.TypeName(Model.Architecture)}, {Number(Parameters)} parameters ({Model.NumHiddenLayers} layers of width {Model.HiddenSize}, vocabulary {Model.VocabSize}{(job.Model.Init is { VocabSize: null, Tokenizer: TokenizerFile.Arithmetic } ? " assumed" : "")})");
        if (job.WarmStart is { } warm) { Line("warm start", $"{warm.Steps} supervised steps of {warm.BatchSize} examples"); }
        if (job.Supervised is { } supervised) { Line("supervised", $"{supervised.Steps} steps of {supervised.BatchSize} examples"); }
        if (job.Kind == JobKind.Rl)
        {
            Line("step", $"{job.Rollout.PromptsPerStep} prompts x {job.Rollout.SamplesPerPrompt} samples = {Number(CompletionsPerStep)} completions, at most {Number(TokensPerStep)} tokens");
            Line("updates", $"{UpdatesPerStep} per step of {PromptsPerUpdate} prompts; {Number((long)UpdatesPerStep * job.Schedule.Steps)} in {job.Schedule.Steps} steps");
            Line("shards", Shards());
            Line("method", $"{Method()} on {string.Join(", ", job.Objectives.Select(o => o.Name))}");
        }

        foreach (var use in RewardUses.Of(job)) { Line("uses", $"{Word(use.Kind)} {use.Value} ({use.Owner})"); }
        foreach (var model in rewardModels) { Line("reward model", $"{ModelConfig.TypeName(model.Config.Architecture)}, {Number(model.ParameterCount())} parameters, labels {string.Join(", ", model.Labels.Take(8))}{(model.Labels.Length > 8 ? ", ..." : "")}"); }
        if (job.Model.Lora is { } lora) { Line("trained", $"{Number(Trained)} parameters in adapters of rank {lora.Rank} on {string.Join(", ", lora.Targets.Select(target => target.Module().Split('.')[1]))}"); }
        if (job.Model.Dtype != ComputeType.Float32) { Line("computes in", $"{job.Model.Dtype.ToString().ToLowerInvariant()}; master weights, gradients and optimizer in float32"); }
        Line("slices", $"{job.Grid.Slices} of about {Number((Trained + job.Grid.Slices - 1) / job.Grid.Slices)} parameters");
        Line("memory", $"about {Bytes(Memory.Total)} with {Lanes} lanes: {Breakdown()}");
        return text.ToString();
    }

    private static string Word(RewardUseKind kind) => kind switch { RewardUseKind.Program => "program", RewardUseKind.Host => "host", _ => "environment variable" };

    private long RewardBytes() => RewardUses.Places(job).Select(place => place.Reward).OfType<ModelRewardSpec>()
        .Sum(spec => rewardModels.FirstOrDefault(model => model.Path == spec.Path)?.MemoryBytes(spec) ?? 0);

    private string Shards()
    {
        int shards = job.Grid.Shards, least = PromptsPerUpdate / shards, most = (PromptsPerUpdate + shards - 1) / shards;
        string idle = least == 0 ? $"; {shards - PromptsPerUpdate} of them have nothing to do" : "";
        return $"{shards}, {(least == most ? $"{most}" : $"{least} to {most}")} prompts of an update each{idle}";
    }

    private string Method()
    {
        string name = job.Scalarizer.MethodName();
        return job.Scalarizer.Mode == MethodMode.Reference ? name + " (reference arithmetic)" : name;
    }

    private string Breakdown() =>
        $"weights {Bytes(Memory.Replica)}{(Memory.Reference > 0 ? $", reference policy {Bytes(Memory.Reference)}" : "")}, gradients {Bytes(Memory.Gradients)}, optimizer {Bytes(Memory.Optimizer)}{(Memory.Snapshot > 0 ? $", copy for checkpoints {Bytes(Memory.Snapshot)}" : "")}, activations {Bytes(Memory.Activations)}{(Memory.RewardModels > 0 ? $", reward models {Bytes(Memory.RewardModels)}" : "")}, runtime {Bytes(Memory.Runtime)}";

    private string Remedy() => Memory.Activations > Memory.Total / 2
        ? "Lower update.micro_batch_size, rollout.samples_per_prompt or rollout.max_new_tokens, or raise grid.shards."
        : "Use a smaller model, or fewer grid.shards.";

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Bytes(long value) => value switch
    {
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e3:0.#} kB"),
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{value / 1e6:0.#} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{value / 1e9:0.##} GB"),
    };
}
