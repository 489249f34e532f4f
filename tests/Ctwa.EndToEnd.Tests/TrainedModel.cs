using System.Diagnostics.CodeAnalysis;
using Ctwa.EndToEnd.Tests;
using Ctwa.TestKit.Processes;
using Xunit;

[assembly: AssemblyFixture(typeof(TrainedModel))]

namespace Ctwa.EndToEnd.Tests;

/// <summary>A checkpoint that several tests start from; trained once, without a grid.</summary>
[SuppressMessage("Design", "CA1001", Justification = "xunit disposes it through IAsyncLifetime.")]
public sealed class TrainedModel : IAsyncLifetime
{
    private readonly Workplace _place = new();

    /// <summary>The checkpoint's folder.</summary>
    public string Folder { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        string job = ExactnessJobs.Create("linear", odd: false).WriteTo(_place.Folder);
        Folder = (await _place.TrainLocallyAsync(job, "trained")).LastCheckpoint;
    }

    /// <summary>A copy of the model's files that a test may damage.</summary>
    public void CopyTo(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (string name in (string[])["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]) { File.Copy(Path.Combine(Folder, name), Path.Combine(folder, name)); }
    }

    /// <summary>A short RL job on an existing model.</summary>
    public static string JobOn(string model) =>
        $$"""
        name: onwards
        model: { path: {{model}} }
        data:
          train: { task: arithmetic, count: 40, min_terms: 2, max_terms: 2 }
          validation: { task: arithmetic, count: 6, min_terms: 2, max_terms: 2 }
          max_prompt_tokens: 16
        rollout: { prompts_per_step: 4, samples_per_prompt: 4, max_new_tokens: 16 }
        objectives:
          - { name: accuracy, reward: { kind: math_boxed } }
          - { name: conciseness, reward: { kind: conciseness } }
        optimizer: { learning_rate: 0.001 }
        schedule: { steps: 2, validate_every: 1, validation_prompts: 6 }

        """;

    public ValueTask DisposeAsync()
    {
        _place.Dispose();
        return ValueTask.CompletedTask;
    }
}
