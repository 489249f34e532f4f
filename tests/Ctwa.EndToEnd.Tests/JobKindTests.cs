using Ctwa.TestKit;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

public sealed class JobKindTests : IDisposable
{
    private const string SupervisedJob =
        """
        name: imitate
        kind: sft
        model:
          init: { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, tokenizer: arithmetic, max_position_embeddings: 64 }
        data:
          train: { task: arithmetic, count: 48, min_terms: 2, max_terms: 3 }
          max_prompt_tokens: 16
        supervised: { steps: 60, batch_size: 16, checkpoint_every: 10, optimizer: { learning_rate: 0.004 } }

        """;

    private readonly Workplace _place = new();

    [Fact]
    public async Task Supervised_fine_tuning_alone_works_and_resumes()
    {
        string job = _place.Write("job.yaml", SupervisedJob);
        var undisturbed = await _place.TrainLocallyAsync(job, "undisturbed");
        await using (var client = CtwaProcess.Start(_place.Folder, "train", job, "--output", "run"))
        {
            Assert.True(await client.WaitForOutputAsync("checkpoint"));
            client.Client.Send(UnixSignal.Kill);
            await client.WaitAsync();
            await client.WaitForSiloToLeaveAsync(TimeSpan.FromSeconds(30));
        }

        var run = _place.Run("run");
        Workplace.Succeeded(await CtwaProcess.RunAsync(_place.Folder, "train", "--resume", "run"));
        Assert.Equal(undisturbed.ModelHash, run.ModelHash);
        Assert.Equal(undisturbed.History, run.History);
        Assert.Equal("supervised-000060", Path.GetFileName(run.LastCheckpoint));
    }

    [Fact, Trait("Category", Workplace.Long)]
    public async Task The_quick_start_shortened_ends_with_a_table_and_a_verdict()
    {
        var result = await CtwaProcess.RunAsync(_place.Folder, "train", Path.Combine(Checkout.Root, "examples", "quickstart.yaml"), "--output", "run", "--set", "warm_start.steps=40", "--set", "schedule.steps=3");
        Workplace.Succeeded(result);
        string closing = result.Output[result.Output.IndexOf("Held-out problems", StringComparison.Ordinal)..];
        foreach (string expected in (string[])["objective", "before", "after", "verdict", "accuracy", "conciseness", "clarity", "length (tokens)", "sha256      " + _place.Run("run").ModelHash]) { Assert.Contains(expected, closing, StringComparison.Ordinal); }
        Assert.Matches("(?m)^(every objective rose|no objective|.* rose while)", closing);
    }

    public void Dispose() => _place.Dispose();
}
