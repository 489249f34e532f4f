namespace Ctwa.Training.Specification;

/// <summary>A file or folder that a job names.</summary>
/// <param name="Key">The key of the job, such as <c>data.train.path</c>.</param>
/// <param name="Value">The path as the job writes it.</param>
public sealed record JobPathUse(string Key, string Value);

/// <summary>Every path that a job reads. Programs are not among them: <see cref="RewardPolicy"/> decides about those.</summary>
public static class JobPaths
{
    /// <summary>In the order of the job.</summary>
    public static IReadOnlyList<JobPathUse> Of(JobSpec job)
    {
        var uses = new List<JobPathUse>();
        void Add(string key, string? value)
        {
            if (value is not null) { uses.Add(new JobPathUse(key, value)); }
        }

        Add("model.path", job.Model.Path);
        if (job.Model.Init is { Tokenizer: not TokenizerFile.Arithmetic } init) { Add("model.init.tokenizer", init.Tokenizer); }
        foreach (var source in DataRules.Sources) { Add(source.Path + ".path", source.Of(job)?.Path); }
        foreach (var (key, _, reward) in RewardUses.Places(job))
        {
            switch (reward)
            {
                // Without one, the program would run wherever the silo was started.
                case ProcessRewardSpec process: Add(key + ".working_directory", process.WorkingDirectory ?? "."); break;
                case HttpRewardSpec http: Add(key + ".ca_file", http.CaFile); break;
                case ModelRewardSpec model: Add(key + ".path", model.Path); break;
            }
        }

        return uses;
    }
}
