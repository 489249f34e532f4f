using Ctwa.Training.Models;

namespace Ctwa.Bench.Simulate;

/// <summary>What a simulated step computes. Defaults: a model of Qwen2.5-1.5B's size, three objectives whose gradients are kept, 65,536 answers.</summary>
internal sealed record ScaleJob
{
    /// <summary>Trained parameters, P.</summary>
    public long Parameters { get; init; } = 1_543_714_304;

    /// <summary>Objectives, M.</summary>
    public int Objectives { get; init; } = 3;

    /// <summary>Gradients kept apart, R: one per objective where the method solves over gradients (and one for KL and entropy), else 1.</summary>
    public int Rows { get; init; } = 3;

    /// <summary>Logical shards, S.</summary>
    public int Shards { get; init; } = 1024;

    /// <summary>Slices of the parameters, C.</summary>
    public int Slices { get; init; } = 1024;

    /// <summary>A second holder for every slice.</summary>
    public bool Mirror { get; init; } = true;

    /// <summary>Bytes of a weight that models compute with, E: 2 or 4.</summary>
    public int ElementBytes { get; init; } = 2;

    /// <summary>Optimizer updates per step, U.</summary>
    public int Updates { get; init; } = 1;

    /// <summary>Prompts of one shard and step.</summary>
    public int PromptsPerShard { get; init; } = 4;

    /// <summary>Answers to each prompt.</summary>
    public int Samples { get; init; } = 16;

    /// <summary>Mean tokens of a prompt.</summary>
    public int PromptTokens { get; init; } = 64;

    /// <summary>Tokens that the longest answers have: what generation takes; all answers are taken to be so long.</summary>
    public int ResponseTokens { get; init; } = 512;

    /// <summary>Measure the step's answers again after the updates (<c>diagnostics.realised_every</c>).</summary>
    public bool Observe { get; init; } = true;

    /// <summary>Answers of one shard.</summary>
    public int Answers => PromptsPerShard * Samples;

    /// <summary>Elements of the flat vector: P with its last block filled up.</summary>
    public long Length => (Parameters + FlatLayout.Block - 1) / FlatLayout.Block * FlatLayout.Block;

    /// <summary>Tokens that a training pass over one shard's answers sees in one update.</summary>
    public double TrainedTokens => (double)Answers * (PromptTokens + ResponseTokens) / Updates;
}
