using System.Text;

namespace Ctwa.Training.Specification;

/// <summary>What the inspector learnt about a job's files.</summary>
/// <param name="Findings">Everything that is wrong; empty: the job may run.</param>
/// <param name="Model">The model's shape; null if it could not be told.</param>
public sealed record JobInspection(IReadOnlyList<JobFinding> Findings, ModelConfig? Model)
{
    /// <summary>Reward models that are loaded beside the policy.</summary>
    public IReadOnlyList<RewardModelFolder> RewardModels { get; init; } = [];
}

/// <summary>Checks the files that a job names. Reads headers and first lines only: no weight and no data set is loaded.</summary>
public sealed class JobInspector
{
    private readonly JobSpec job;
    private readonly string folder;
    private readonly List<JobFinding> findings = [];

    private JobInspector(JobSpec job, string folder) => (this.job, this.folder) = (job, folder);

    /// <summary>Checks model folder or tokenizer, and every data file.</summary>
    /// <param name="job">A job without errors.</param>
    /// <param name="folder">Folder to which relative paths belong; default: the current directory.</param>
    public static JobInspection Inspect(JobSpec job, string? folder = null)
    {
        var inspector = new JobInspector(job, folder ?? Directory.GetCurrentDirectory());
        var model = job.Model.Path is { } path ? inspector.Folder(path) : inspector.NewModel(job.Model.Init!);
        foreach (var source in DataRules.Sources)
        {
            if (source.Of(job) is { Path: { } file } data) { inspector.Guard(source.Path + ".path", () => new DataFileInspector(source.Path, data, file, inspector.Find).Inspect(inspector.Resolve(file))); }
        }

        var rewards = new RewardInspector(job, inspector.Resolve, inspector.Find);
        inspector.Guard("", rewards.Run);
        return new JobInspection(inspector.findings, model) { RewardModels = rewards.Models };
    }

    /// <summary>The job with absolute paths, so that it means the same in another process.</summary>
    public static JobSpec WithAbsolutePaths(JobSpec job, string? folder = null)
    {
        string root = folder ?? Directory.GetCurrentDirectory();
        DataSourceSpec? Data(DataSourceSpec? data) => data is { Path: { } path } ? data with { Path = Path.GetFullPath(path, root) } : data;
        return job with
        {
            Model = job.Model with
            {
                Path = job.Model.Path is { } model ? Path.GetFullPath(model, root) : null,
                Init = job.Model.Init is { Tokenizer: not TokenizerFile.Arithmetic } init ? init with { Tokenizer = Path.GetFullPath(init.Tokenizer, root) } : job.Model.Init,
            },
            Data = job.Data with { Train = Data(job.Data.Train)!, Validation = Data(job.Data.Validation), Test = Data(job.Data.Test) },
            WarmStart = job.WarmStart is { } warm ? warm with { Data = Data(warm.Data) } : null,
            Supervised = job.Supervised is { } supervised ? supervised with { Data = Data(supervised.Data) } : null,
            Objectives = [.. job.Objectives.Select(objective => objective with { Reward = RewardInspector.WithAbsolutePaths(objective.Reward, root) })],
            RewardModels = [.. job.RewardModels.Select(shared => shared with { Reward = RewardInspector.WithAbsolutePaths(shared.Reward, root) })],
        };
    }

    private ModelConfig? Folder(string path)
    {
        const string key = "model.path";
        string full = Resolve(path);
        if (!Directory.Exists(full)) { Find(key, $"is '{path}', but there is no such folder; looked for {full}. Give a Hugging Face model folder, or model.init for a new model."); return null; }
        string config = Path.Combine(full, "config.json"), tokenizer = Path.Combine(full, "tokenizer.json");
        ModelConfig? model = null;
        if (!File.Exists(config)) { Find(key, $"is '{path}', but {full} has no config.json; give a Hugging Face model folder."); }
        else
        {
            var errors = new List<string>();
            Guard(key, () => model = ModelConfig.ReadText(config, ModelConfigReader.Load(config), errors));
            if (model is not null) { _ = ModelFolder.Read(full, model, errors); }
            foreach (string error in errors) { Find(key, error); }
        }

        int? size = TokenizerSize(key, tokenizer);
        Guard(key, () => GenerationConfig.OfFolder(full));
        if (model is null) { return null; }
        if (size > model.VocabSize) { Find(key, $"is '{path}', whose tokenizer.json has ids up to {size - 1}, beyond the embedding's vocab_size {model.VocabSize}; tokenizer and weights do not belong together."); }
        if (ModelRules.TooFewPositions(job, model.MaxPositionEmbeddings) is { } message) { Find(key, $"is '{path}', whose max_position_embeddings {message}"); }
        return model;
    }

    private ModelConfig? NewModel(ModelInitSpec init)
    {
        const string key = "model.init.tokenizer";
        int? size = TokenizerFile.ArithmeticSizeEstimate;
        if (init.Tokenizer != TokenizerFile.Arithmetic)
        {
            string file = Resolve(init.Tokenizer);
            if (Directory.Exists(file)) { file = Path.Combine(file, "tokenizer.json"); }
            size = TokenizerSize(key, file, NearestKey.Find(init.Tokenizer, [TokenizerFile.Arithmetic]) is null ? "" : $" Did you mean '{TokenizerFile.Arithmetic}'?");
            if (init.VocabSize < size) { Find("model.init.vocab_size", $"is {init.VocabSize}, but the tokenizer {file} has {size} tokens; give at least {size}, or leave vocab_size out."); return null; }
        }

        return size is { } tokens ? ModelConfig.FromInit(init, init.VocabSize ?? tokens) : null;
    }

    private int? TokenizerSize(string key, string file, string hint = "")
    {
        if (!File.Exists(file)) { Find(key, $"needs {file}, which does not exist; give the path of a Hugging Face tokenizer.json{(key == "model.path" ? "'s folder" : $", or '{TokenizerFile.Arithmetic}'")}.{hint}"); return null; }
        int? size = null;
        Guard(key, () => size = TokenizerFile.ReadSize(file));
        return size;
    }

    private string Resolve(string path) => Path.GetFullPath(path, Path.GetFullPath(folder));

    private void Find(string path, string message) => findings.Add(new JobFinding(path, message));

    private void Guard(string path, Action action)
    {
        try { action(); }
        catch (DecoderFallbackException) { Find(path, "names a file that is not UTF-8 text."); }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or InvalidOperationException) { Find(path, e.Message); }
    }
}
