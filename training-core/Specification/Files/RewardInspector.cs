using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ctwa.Training.Specification;

/// <summary>Checks the files that rewards name: programs, folders, certificates, model folders. Nothing is started and no weight is read.</summary>
/// <param name="job">A job without errors.</param>
/// <param name="resolve">Makes a path absolute.</param>
/// <param name="find">Takes a finding: key and message.</param>
internal sealed class RewardInspector(JobSpec job, Func<string, string> resolve, Action<string, string> find)
{
    private readonly List<RewardModelFolder> _models = [];

    /// <summary>Model folders without defects, in the order of the job.</summary>
    public IReadOnlyList<RewardModelFolder> Models => _models;

    public void Run()
    {
        foreach (var (key, _, reward) in RewardUses.Places(job))
        {
            switch (reward)
            {
                case ProcessRewardSpec process: Program(key, process); break;
                case HttpRewardSpec { CaFile: { } file }: Certificates(key + ".ca_file", file); break;
                case ModelRewardSpec model: Model(key, model); break;
            }
        }

        for (int i = 0; i < job.Objectives.Count; i++)
        {
            if (job.Objectives[i].Reward is SharedRewardSpec shared) { Output(FormattableString.Invariant($"objectives[{i}].reward"), shared); }
        }
    }

    /// <summary>The reward with absolute paths.</summary>
    public static RewardSpec WithAbsolutePaths(RewardSpec reward, string root) => reward switch
    {
        // A bare name is looked for on the PATH of the silo that starts it.
        ProcessRewardSpec process => process with
        {
            Command = process.Command.Count > 0 && process.Command[0] is var program && program.Contains('/', StringComparison.Ordinal) ? [Path.GetFullPath(program, root), .. process.Command.Skip(1)] : process.Command,
            WorkingDirectory = Path.GetFullPath(process.WorkingDirectory ?? ".", root),
        },
        HttpRewardSpec { CaFile: { } file } http => http with { CaFile = Path.GetFullPath(file, root) },
        ModelRewardSpec model => model with { Path = Path.GetFullPath(model.Path, root) },
        _ => reward,
    };

    private void Program(string key, ProcessRewardSpec process)
    {
        string program = process.Command[0], full = program.Contains('/', StringComparison.Ordinal) ? resolve(program) : program;
        if (ProgramPath.Find(full) is null)
        {
            find(key + ".command", full == program && !program.Contains('/', StringComparison.Ordinal) ? $"begins with '{program}', but there is no such program on the PATH; give its path."
                : File.Exists(full) ? $"begins with '{program}', which is not executable; make it so (chmod +x), or put the interpreter before it."
                : $"begins with '{program}', but there is no such file; looked for {full}.");
        }

        if (process.WorkingDirectory is { } folder && !Directory.Exists(resolve(folder))) { find(key + ".working_directory", $"is '{folder}', but there is no such folder; looked for {resolve(folder)}."); }
    }

    private void Certificates(string key, string file)
    {
        string full = resolve(file);
        if (!File.Exists(full)) { find(key, $"is '{file}', but there is no such file; looked for {full}."); return; }
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPemFile(full);
            if (certificates.Count == 0) { find(key, $"is '{file}', which holds no certificate; expected is a PEM file with -----BEGIN CERTIFICATE-----."); }
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException) { find(key, $"is '{file}', whose certificates cannot be read: {e.Message}"); }
    }

    private void Model(string key, ModelRewardSpec model)
    {
        string full = resolve(model.Path);
        key += ".path";
        if (!Directory.Exists(full)) { find(key, $"is '{model.Path}', but there is no such folder; looked for {full}."); return; }
        var errors = new List<string>();
        RewardModelFolder? folder = null;
        int? size = null;
        string tokenizer = Path.Combine(full, "tokenizer.json");
        try
        {
            folder = RewardModelFolder.Read(full, errors);
            if (!File.Exists(tokenizer)) { errors.Add($"{full} has no tokenizer.json; give the folder with the model's tokenizer."); }
            else { size = TokenizerFile.ReadSize(tokenizer); }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or InvalidOperationException or System.Text.Json.JsonException) { errors.Add(e.Message); }

        foreach (string error in errors) { find(key, error); }
        if (folder is null || errors.Count > 0) { return; }
        if (size > folder.Config.VocabSize) { find(key, $"is '{model.Path}', whose tokenizer.json has ids up to {size - 1}, beyond the embedding's vocab_size {folder.Config.VocabSize}; tokenizer and weights do not belong together."); }
        if (model.MaxTokens > folder.Config.MaxPositionEmbeddings) { find(key[..^5] + ".max_tokens", $"is {model.MaxTokens}, but the model's max_position_embeddings is {folder.Config.MaxPositionEmbeddings}; give at most that."); }
        if (model.Label >= folder.Labels.Length) { find(key[..^5] + ".label", $"is {model.Label}, but the model has {folder.Labels.Length} labels, numbered from 0: {string.Join(", ", folder.Labels.Take(20))}."); }
        _models.Add(folder);
    }

    /// <summary>An output of a model is known before it is loaded; those of programs and services are not.</summary>
    private void Output(string key, SharedRewardSpec shared)
    {
        if (job.RewardModels.FirstOrDefault(model => model.Name == shared.Source)?.Reward is not ModelRewardSpec model || _models.Find(folder => folder.Path == resolve(model.Path)) is not { } folder) { return; }
        string all = string.Join(", ", folder.Labels.Take(20));
        if (shared.Output is { } name && !folder.Labels.Contains(name)) { find(key + ".output", $"is '{name}', but the labels of {shared.Source} are: {all}."); }
        if (shared.Index >= folder.Labels.Length) { find(key + ".index", $"is {shared.Index}, but {shared.Source} has {folder.Labels.Length} labels, numbered from 0: {all}."); }
        if (shared is { Output: null, Index: null } && folder.Labels.Length > 1) { find(key, $"says neither output nor index, but {shared.Source} has {folder.Labels.Length} labels: {all}."); }
    }
}
