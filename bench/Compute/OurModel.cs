using Ctwa.Training.Advantages;
using Ctwa.Training.Gradients;
using Ctwa.Training.Losses;
using Ctwa.Training.Models;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;

namespace Ctwa.Bench.Compute;

/// <summary>What a shard and a slice of a job do, called as LocalTrainer calls them, on one model and one set of sequences.</summary>
internal sealed class OurModel : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-bench-").FullName;
    private readonly PreparedJob _job;
    private readonly PolicyMemory _memory;
    private readonly ShardWorker _worker;
    private readonly SliceWorker _slice;
    private readonly Completion[] _completions;
    private readonly int _objectives;
    private long _updates;

    public OurModel(ModelShape shape, int threads, int objectives = 1, string more = "")
    {
        torch.set_num_threads(threads);
        _objectives = objectives;
        _job = PreparedJob.Prepare(shape.Job(threads, objectives, more), _folder);
        _memory = _job.CreateMemory(torch.CPU);
        ModelFiles.Initialize(_job.Layout, 0.02, seed: 1, _memory.Weights);
        _worker = new ShardWorker(_job, _memory);
        _slice = new SliceWorker(_memory, new SliceRange(0, _job.Layout.Length), _job.Layout.LastBlock());
        _completions = [.. shape.Sequences.Select((one, i) => new Completion(new EncodedPrompt(i, i, one.Prompt), 0, one.Response, [.. Enumerable.Repeat(-4f, one.Response.Length)], true))];
    }

    public long Parameters => _job.Layout.Entries.Sum(entry => entry.Length);

    public PolicyMemory Memory => _memory;

    /// <summary>One update: forward, backward, norm, AdamW. With several objectives: a gradient each, their Gram matrix, their mean applied.</summary>
    public void Update()
    {
        int[] lengths = [.. _completions.Select(completion => completion.Tokens.Length)];
        bool[] valid = [.. lengths.Select(_ => true)];
        OutcomeAdvantages[] advantages = [.. Enumerable.Range(0, _objectives).Select(m => OutcomeAdvantages.PerCompletion([.. lengths.Select((_, i) => -1 + (2.0 * ((m * lengths.Length) + i) / (_objectives * lengths.Length)))], lengths, valid))];
        var rows = _objectives == 1 ? PolicyRows.Single : new PolicyRows(null, Keep: true, Regularizer: false, RatioToReference: false);
        var part = new PolicyPart(advantages, rows, new UpdateCounts(lengths.Sum(), lengths.Length), CompareSampler: false);
        using var gradients = new UpdateGradients(_memory, shards: 1, rows.CountFor(_objectives));
        var buffers = gradients.Rent();
        _worker.AccumulatePolicy(_completions, part, buffers);
        gradients.Offer(0, buffers);
        using var slice = SliceGradients.ViewOf(gradients, _slice.Range);
        if (_objectives > 1)
        {
            _slice.Gram(slice, GramScope.All);
            _slice.Combine(slice, [.. Enumerable.Repeat(1.0 / _objectives, _objectives)]);
        }

        double norm = Math.Sqrt(_slice.SumOfSquares(slice));
        _slice.Apply(slice, _job.OptimizerOf(TrainingStage.Rl), new OptimizerUpdate(new UpdateId(TrainingStage.Rl, 1, 0), GradientClipper.Scale(norm, 1), 1e-6, ++_updates));
    }

    /// <summary>Log-probabilities of all responses.</summary>
    public void Score() => _worker.Measure(_completions, new double[_completions.Length], fromReference: false);

    /// <summary>Samples each prompt so many times.</summary>
    /// <returns>Tokens drawn.</returns>
    public int Generate(int[][] prompts, int samples, int newTokens)
    {
        var model = _job.CreatePolicy(_memory);
        using (model)
        {
            var completions = new RolloutEngine(model, torch.CPU).Generate([.. prompts.Select((tokens, i) => new EncodedPrompt(i, i, tokens))], new SamplingSettings
            {
                Seed = 1, Purpose = RandomPurpose.Test, Step = 0, Temperature = 1, MaxNewTokens = newTokens, SamplesPerPrompt = samples, StopTokens = [3],
            });
            return completions.Sum(completion => completion.Tokens.Length);
        }
    }

    public void Dispose()
    {
        _worker.Dispose();
        _memory.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
