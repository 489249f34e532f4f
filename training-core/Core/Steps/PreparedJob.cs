using Ctwa.Training.Datasets;
using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization;
using Ctwa.Training.Tokenization.Chat;

namespace Ctwa.Training.Steps;

/// <summary>
/// A job with everything that its steps read and nothing that they change: data, tokenizer, model shape, rewards,
/// method. The same on every silo.
/// </summary>
public sealed class PreparedJob
{
    private readonly PromptDataset _train;
    private readonly PromptDataset? _validation;
    private readonly PromptDataset? _test;
    private readonly SupervisedDataset? _supervised;
    private readonly PromptTexts _texts;
    private readonly Lazy<int> _endOfTurn;

    /// <summary>Opens data and tokenizer and checks prompts against the job's limits; loads no weights.</summary>
    /// <param name="spec">A checked job with absolute paths.</param>
    /// <param name="folder">Where a built-in tokenizer's files are put: the run directory.</param>
    /// <param name="rewards">Plain reward per source of scores (see <see cref="RewardSource"/>); null: those of the job. Tests pass their own.</param>
    /// <exception cref="JobInputException">Data, tokenizer or model shape do not fit; the message says what to do.</exception>
    public static PreparedJob Prepare(JobSpec spec, string folder, IReadOnlyList<IReward?>? rewards = null)
    {
        try
        {
            return new PreparedJob(spec, folder, rewards);
        }
        catch (Exception failure) when (failure is InvalidDataException or DatasetException or FileNotFoundException or DirectoryNotFoundException or ArgumentException or FormatException)
        {
            throw new JobInputException(failure.Message, failure);
        }
    }

    private PreparedJob(JobSpec spec, string folder, IReadOnlyList<IReward?>? rewards)
    {
        Spec = spec;
        string tokenizer = TokenizerPath(spec, folder);
        Tokenizer = HuggingFaceTokenizer.Load(tokenizer);
        Config = spec.Model.Init is { } init
            ? ModelConfig.FromInit(init, Tokenizer.VocabularySize) with { EosTokenIds = Tokenizer.EndOfTextIds }
            : WithStopTokens(ModelConfig.Read(Path.Combine(spec.Model.Path!, "config.json")), spec.Model.Path!);
        if (Tokenizer.VocabularySize > Config.VocabSize)
        {
            throw new InvalidDataException($"the tokenizer has ids up to {Tokenizer.VocabularySize - 1} but the embedding has {Config.VocabSize} rows; use the tokenizer.json that belongs to the model.");
        }

        StopTokens = Config.EosTokenIds.IsDefaultOrEmpty ? [.. Tokenizer.EndOfTextIds] : [.. Config.EosTokenIds];
        if (StopTokens.Count == 0) { throw new InvalidDataException("neither generation_config.json nor config.json (eos_token_id) nor tokenizer_config.json (eos_token) names a token that ends a response; add one of them."); }
        _texts = new PromptTexts(spec.Data, Path.GetDirectoryName(Path.GetFullPath(tokenizer))!);
        _endOfTurn = new Lazy<int>(() => _texts.EndOfTurn(Tokenizer, StopTokens));

        ModelLayout = FlatLayout.Of(Config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
        PolicyLayout = spec.Model.Lora is { } lora ? FlatLayout.Of(LoraLayout.Parameters(Config, lora)) : ModelLayout;
        Layout = HasValueHead ? PolicyLayout.Append(ValueHead.Parameters(1 + spec.Objectives.Count, Config.HiddenSize)) : PolicyLayout;
        _train = PromptDataset.Open(spec.Data.Train, DatasetSplit.Train, spec.Seed, "data.train");
        _validation = spec.Data.Validation is { } validation ? PromptDataset.Open(validation, DatasetSplit.Validation, spec.Seed, "data.validation") : null;
        _test = spec.Data.Test is { } test ? PromptDataset.Open(test, DatasetSplit.Test, spec.Seed, "data.test") : null;
        TrainIndices = UsablePrompts(_train, "data.train");
        ValidationIndices = _validation is null ? [] : [.. UsablePrompts(_validation, "data.validation").Take(spec.Schedule.ValidationPrompts)];
        TestIndices = _test is null ? ValidationIndices : [.. UsablePrompts(_test, "data.test").Take(spec.Schedule.ValidationPrompts)];
        Order = new DatasetOrder(spec.Seed, TrainIndices.Length);
        Supervised = spec.Kind == JobKind.Sft ? spec.Supervised : spec.WarmStart;
        if (Supervised is { } stage) { _supervised = SupervisedDataset.Open(stage, spec.Data.Train, spec.Seed, spec.Kind == JobKind.Sft ? "supervised" : "warm_start"); }
        DataFiles = [.. Fingerprints(spec)];
        // A missing or broken template is told now, not when the stage begins.
        if (_supervised is not null) { _ = EncodeSupervised(1, 0); }
        Rewards = rewards ?? [.. RewardSource.Of(spec).Select(source => RewardRegistry.CreatePlain(source.Reward))];
        if (spec.Kind == JobKind.Rl)
        {
            var setup = ScalarizerRegistry.Create(spec.Scalarizer, spec.Objectives);
            Scalarizer = setup.Scalarizer;
            Warnings = [.. setup.Warnings, .. RewardRegistry.Warnings(spec.Objectives)];
        }
    }

    public JobSpec Spec { get; }

    public HuggingFaceTokenizer Tokenizer { get; }

    public ModelConfig Config { get; }

    /// <summary>Places of the model's weights.</summary>
    public FlatLayout ModelLayout { get; }

    /// <summary>Places of the policy's trained parameters, and behind them those of the value head where the job has one.</summary>
    public FlatLayout Layout { get; }

    /// <summary>Places of the policy's trained parameters alone: the model's weights, or adapters.</summary>
    public FlatLayout PolicyLayout { get; }

    /// <summary>The estimator needs values: output 0 of the head is of the scalar reward, output 1 + j of objective j.</summary>
    public bool HasValueHead => Spec is { Kind: JobKind.Rl, Advantage.Estimator: AdvantageEstimator.Gae };

    /// <summary>Shards measure their tokens before a step's advantages are estimated: for values, the penalty in the reward, or importance weights.</summary>
    public bool MeasuresTokens => HasValueHead || Spec.RewardKl is not null || Spec.Loss.ImportanceCap > 0;

    /// <summary>Advantages are estimated per token on the shards; else from one number per completion.</summary>
    public bool EstimatesTokens => HasValueHead || (Spec.RewardKl is not null && Spec.Advantage.Estimator is (AdvantageEstimator.ReinforcePlusPlus or AdvantageEstimator.Remax));

    /// <summary>Tokens that end a response: of generation_config.json, else of config.json, else of the tokenizer.</summary>
    public IReadOnlyList<int> StopTokens { get; }

    /// <summary>One per source of scores, in the order of <see cref="RewardSource.Of"/>; null where the scores come from outside this code.</summary>
    public IReadOnlyList<IReward?> Rewards { get; }

    /// <summary>The method; null for sft jobs.</summary>
    public IScalarizer? Scalarizer { get; }

    /// <summary>Lines to show once at the start, such as those of reference modes.</summary>
    public IReadOnlyList<string> Warnings { get; } = [];

    /// <summary>The supervised stage, if the job has one.</summary>
    public SupervisedSpec? Supervised { get; }

    /// <summary>Rows of the training data that fit the prompt limit.</summary>
    public long[] TrainIndices { get; }

    public long[] ValidationIndices { get; }

    public long[] TestIndices { get; }

    /// <summary>Order in which <see cref="TrainIndices"/> are read.</summary>
    public DatasetOrder Order { get; }

    /// <summary>Training prompts left out because they are too long.</summary>
    public int DroppedPrompts { get; private set; }

    /// <summary>Contents of the data files as they were read.</summary>
    public IReadOnlyList<DataFingerprint> DataFiles { get; }

    /// <summary>Division of an RL step over updates and shards.</summary>
    public StepPlan TrainingPlan => new(Spec.Rollout.PromptsPerStep, Spec.Update.PromptsPerUpdate ?? Spec.Rollout.PromptsPerStep, Spec.Grid.Shards);

    /// <summary>Optimizer updates of the whole RL stage.</summary>
    public long TotalUpdates => Math.Max(1, (long)Spec.Schedule.Steps * TrainingPlan.Updates * Spec.Update.Epochs);

    /// <summary>A frozen copy of the policy is kept: for the KL term, or because the method compares with it.</summary>
    public bool KeepsReference => Spec.Kind == JobKind.Rl && (Spec.Loss.Kl.Coefficient > 0 || Spec.RewardKl is not null || Scalarizer!.Requires.HasFlag(ScalarizerSignals.ReferencePolicy));

    /// <summary>The job's rewards, opened for use on this silo.</summary>
    /// <exception cref="JobInputException">A token is not in the environment, or a file of a reward is not what the job says.</exception>
    public RewardSet OpenRewards(RewardServices services)
    {
        try
        {
            return RewardSet.Open(Spec, Rewards, services);
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException)
        {
            throw new JobInputException(failure.Message, failure);
        }
    }

    /// <summary>AdamW's settings in a stage.</summary>
    public OptimizerSpec OptimizerOf(TrainingStage stage) => stage == TrainingStage.Supervised ? Supervised!.Optimizer : Spec.Optimizer;

    /// <summary>A frozen copy of what is trained is made when reinforcement learning begins. Adapters that nothing has trained yet are none: the reference is the base model.</summary>
    public bool CopiesReference => KeepsReference && !(Spec.Model.Lora is not null && Supervised is null);

    /// <summary>The vectors that the job needs on a device.</summary>
    /// <param name="replica">Beside the memory of another device, which has master weights and moments.</param>
    public PolicyMemory CreateMemory(TorchSharp.torch.Device device, bool replica = false) => new(new PolicyMemoryOptions(Layout)
    {
        IsReplica = replica,
        Device = device,
        ComputeType = Spec.Model.Dtype switch { ComputeType.Bfloat16 => TorchSharp.torch.bfloat16, ComputeType.Float16 => TorchSharp.torch.float16, _ => TorchSharp.torch.float32 },
        Frozen = Spec.Model.Lora is null ? null : ModelLayout,
        OffloadOptimizer = !replica && Spec.Model.OffloadOptimizer && device.type != TorchSharp.DeviceType.CPU,
    });

    /// <summary>The policy over a device's vectors.</summary>
    public IBlockModel CreatePolicy(PolicyMemory memory) => CreateModel(memory, memory.Compute);

    /// <summary>The reference policy over a device's vectors.</summary>
    /// <exception cref="InvalidOperationException">None is loaded.</exception>
    public IBlockModel CreateReference(PolicyMemory memory) => !CopiesReference && memory is { Base: { } frozen }
        ? new DecoderModel(Config, ModelLayout, frozen, FusesAttention(memory))
        : CreateModel(memory, memory.Reference ?? throw new InvalidOperationException("the job compares with the reference policy but none is loaded."));

    private DecoderModel CreateModel(PolicyMemory memory, Tensor trained) => Spec.Model.Lora is { } lora
        ? new DecoderModel(Config, ModelLayout, memory.Base!, FusesAttention(memory), new LoraAdapters(lora, PolicyLayout, trained))
        : new DecoderModel(Config, PolicyLayout, trained, FusesAttention(memory));

    // On a CPU the fused kernel is no faster and gives other bits than incremental decoding.
    private static bool FusesAttention(PolicyMemory memory) => memory.Device.type == TorchSharp.DeviceType.CUDA;

    /// <summary>Text of a prompt.</summary>
    public PromptExample Example(RandomPurpose purpose, long datasetIndex) => purpose switch
    {
        RandomPurpose.Sampling or RandomPurpose.GreedyBaseline => _train.At(datasetIndex),
        RandomPurpose.Validation => _validation!.At(datasetIndex),
        _ => (_test ?? _validation)!.At(datasetIndex),
    };

    /// <summary>Token ids of a prompt of a rollout.</summary>
    public EncodedPrompt Encode(RandomPurpose purpose, int stepIndex, long datasetIndex) =>
        new(stepIndex, datasetIndex, Encode(Example(purpose, datasetIndex)));

    /// <summary>Token ids of a supervised example; the response ends with a stop token: behind a chat prompt with the one that ends the template's turns.</summary>
    public (int[] Prompt, int[] Response) EncodeSupervised(long step, int index)
    {
        var example = _supervised!.At(step - 1, index);
        int end = _texts.Renders(example.Messages) ? _endOfTurn.Value : StopTokens[0];
        return (Tokenizer.Encode(_texts.Of(example.Prompt, example.Messages)), [.. Tokenizer.Encode(example.Response), end]);
    }

    /// <summary>Text of response tokens, special tokens left out. Ids that the tokenizer does not know (padding rows of an embedding) become U+FFFD.</summary>
    public string Decode(ReadOnlySpan<int> tokens)
    {
        int known = 0;
        while (known < tokens.Length && tokens[known] < Tokenizer.VocabularySize && Tokenizer.TokenOf(tokens[known]) is not null) { known++; }
        if (known == tokens.Length) { return Tokenizer.Decode(tokens, skipSpecial: true); }
        return Tokenizer.Decode(tokens[..known], skipSpecial: true) + "\uFFFD" + Decode(tokens[(known + 1)..]);
    }

    /// <summary>What a reward sees of a completion.</summary>
    public ScoredCompletion Describe(RandomPurpose purpose, Completion completion)
    {
        var example = Example(purpose, completion.Prompt.DatasetIndex);
        return new ScoredCompletion(example.Prompt, Decode(completion.Tokens), completion.Tokens.Length, example.GroundTruth);
    }

    private int[] Encode(PromptExample example) => Tokenizer.Encode(_texts.Of(example.Prompt, example.Messages));

    /// <summary>As in transformers, generation_config.json goes before config.json. A checkpoint has no such file, so its config.json gets them.</summary>
    private static ModelConfig WithStopTokens(ModelConfig config, string folder)
    {
        if (GenerationConfig.OfFolder(folder) is not { EosTokenIds: { IsEmpty: false } ids }) { return config; }
        return ids.FirstOrDefault(id => id >= config.VocabSize, -1) is var beyond && beyond < 0 ? config with { EosTokenIds = ids }
            : throw new InvalidDataException($"{Path.Combine(folder, GenerationConfig.FileName)} has the eos_token_id {beyond}, but vocab_size is {config.VocabSize}; ids lie below it.");
    }

    private static string TokenizerPath(JobSpec spec, string folder)
    {
        if (spec.Model.Path is { } path) { return Path.Combine(path, "tokenizer.json"); }
        string tokenizer = spec.Model.Init!.Tokenizer;
        if (tokenizer != "arithmetic") { return Directory.Exists(tokenizer) ? Path.Combine(tokenizer, "tokenizer.json") : tokenizer; }
        string own = Path.Combine(folder, "tokenizer");
        ArithmeticTokenizer.WriteTo(own);
        return Path.Combine(own, "tokenizer.json");
    }

    private IEnumerable<DataFingerprint> Fingerprints(JobSpec spec)
    {
        if (spec.Data.Train.Path is { } train) { yield return DataFingerprint.Of("data.train", train, _train.Count); }
        if (spec.Data.Validation?.Path is { } validation) { yield return DataFingerprint.Of("data.validation", validation, _validation!.Count); }
        if (spec.Data.Test?.Path is { } test) { yield return DataFingerprint.Of("data.test", test, _test!.Count); }
        if (Supervised?.Data?.Path is { } supervised) { yield return DataFingerprint.Of(spec.Kind == JobKind.Sft ? "supervised.data" : "warm_start.data", supervised, _supervised!.Rows ?? 0); }
    }

    private long[] UsablePrompts(PromptDataset data, string key)
    {
        var usable = new List<long>();
        var overlong = new OverlongPrompts(key, Spec.Data.MaxPromptTokens);
        for (long i = 0; i < data.Count; i++)
        {
            int length;
            try
            {
                length = Encode(data.At(i)).Length;
            }
            catch (ChatTemplateException failure)
            {
                throw new InvalidDataException($"{key}: {data.PlaceOf(i)}: the prompt cannot be rendered with the model's chat template: {failure.Message}", failure);
            }
            catch (UnencodableTextException failure)
            {
                throw new InvalidDataException($"{key}: {data.PlaceOf(i)}: the prompt cannot be written with the model's tokenizer: {failure.Message}", failure);
            }

            if (length == 0) { throw new InvalidDataException($"{key}: {data.PlaceOf(i)}: the prompt is empty; remove it or give it a text."); }
            if (length <= Spec.Data.MaxPromptTokens) { usable.Add(i); }
            else { overlong.Add(data.PlaceOf(i), length); }
        }

        if (overlong.Count > 0 && Spec.Data.Overlong == OverlongPolicy.Error) { throw new InvalidDataException(overlong.Message(data.Count)); }
        DroppedPrompts += overlong.Count;
        if (usable.Count == 0) { throw new InvalidDataException($"{key} has no prompt of at most {Spec.Data.MaxPromptTokens} tokens; raise data.max_prompt_tokens."); }
        return [.. usable];
    }
}

/// <summary>A job's data, tokenizer or model do not fit it; nothing was trained.</summary>
public sealed class JobInputException : Exception
{
    public JobInputException() { }
    public JobInputException(string message) : base(message) { }
    public JobInputException(string message, Exception inner) : base(message, inner) { }
}
