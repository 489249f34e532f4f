using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class JobPlanTests
{
    private static JobPlan Plan(JobSpec job, int lanes = 2) => JobPlan.Create(job, ModelConfig.FromInit(job.Model.Init!, 80), lanes);

    [Fact]
    public void The_plan_counts_completions_updates_and_tokens()
    {
        var plan = Plan(Jobs.Read(Jobs.Small, "rollout={prompts_per_step: 12, samples_per_prompt: 8, max_new_tokens: 50}", "update={prompts_per_update: 4, epochs: 2}"));
        Assert.Equal(96, plan.CompletionsPerStep);
        Assert.Equal(4800, plan.TokensPerStep);
        Assert.Equal(6, plan.UpdatesPerStep);
        Assert.Equal(94_784, plan.Parameters);
    }

    [Fact]
    public void Memory_counts_every_copy_of_the_weights()
    {
        long weights = 4 * 94_784;
        var memory = Plan(Jobs.Read(Jobs.Small, "grid.shards=8", "loss.kl.coefficient=0.1")).Memory;
        Assert.Equal(weights, memory.Replica);
        Assert.Equal(weights, memory.Reference);
        Assert.Equal(6 * weights, memory.Gradients);
        Assert.Equal(2 * weights, memory.Optimizer);
        Assert.Equal(0, Plan(Jobs.SmallSpec).Memory.Reference);
        Assert.Equal(memory.Replica + memory.Reference + memory.Gradients + memory.Optimizer + memory.Snapshot + memory.Activations + memory.Runtime, memory.Total);
    }

    [Theory]
    [InlineData(20, 70, 3)]
    [InlineData(69, 70, 3)]
    [InlineData(70, 70, 0)]
    [InlineData(100, 70, 0)]
    public void A_copy_for_checkpoints_is_counted_where_steps_go_on_beside_them(int every, int steps, int vectors) =>
        Assert.Equal(vectors * 4 * 94_784, Plan(Jobs.Read(Jobs.Small, $"schedule.checkpoint_every={every}", $"schedule.steps={steps}")).Memory.Snapshot);

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(8, 1, 1, 4)]
    [InlineData(8, 2, 1, 6)]
    [InlineData(8, 8, 3, 24)]
    [InlineData(2, 8, 1, 2)]
    [InlineData(5, 2, 2, 10)]
    [InlineData(65536, 1, 1, 17)]
    public void Gradient_buffers_follow_the_canonical_tree(int shards, int lanes, int rows, long expected) => Assert.Equal(expected, MemoryEstimate.GradientBuffers(shards, lanes, rows));

    [Fact]
    public void Adapters_and_half_precision_are_counted_for_what_they_keep()
    {
        const long all = 94_784, width = 64;
        var spec = Jobs.Read(Jobs.Small, "grid.shards=1", "loss.kl.coefficient=0.1");
        var half = Plan(spec with { Model = spec.Model with { Dtype = ComputeType.Bfloat16 } }).Memory;
        Assert.Equal((4 + 2) * all, half.Replica);
        Assert.Equal(2 * all, half.Reference);
        Assert.Equal(4 * all, half.Gradients);

        var lora = Plan(spec with { Model = spec.Model with { Dtype = ComputeType.Bfloat16, Lora = new LoraSpec { Rank = 4, Targets = [LoraTarget.QProj] } } }).Memory;
        long adapters = 2 * (4 * width + width * 4);
        Assert.Equal((2 * all) + ((4 + 2) * adapters), lora.Replica);
        Assert.Equal(0, lora.Reference);
        Assert.Equal(4 * adapters, lora.Gradients);
        Assert.Equal(8 * adapters, lora.Optimizer);
    }

    [Fact]
    public void Recomputation_and_chunks_of_logits_need_less()
    {
        // Long sequences, a large vocabulary: the two things that they are for.
        string[] large = ["model.init.vocab_size=50000", "rollout.max_new_tokens=1000", "model.init.max_position_embeddings=4096", "update.max_logits=10000000000"];
        long plain = Plan(Jobs.Read(Jobs.Small, large)).Memory.Activations;
        long chunked = Plan(Jobs.Read(Jobs.Small, [.. large[..3], "update.max_logits=10000000"])).Memory.Activations;
        long both = Plan(Jobs.Read(Jobs.Small, [.. large[..3], "update.max_logits=10000000", "update.recompute_activations=true"])).Memory.Activations;
        Assert.True(chunked < plain / 2, $"{chunked} of {plain}");
        Assert.True(both < chunked, $"{both} of {chunked}");
    }

    [Property]
    public bool Shards_partition_the_prompts_evenly(ushort prompts, byte shards)
    {
        int count = shards + 1, next = 0;
        for (int s = 0; s < count; s++)
        {
            var (first, size) = JobPlan.ShardRange(prompts, count, s);
            if (first != next || size < prompts / count || size > prompts / count + 1) { return false; }
            next += size;
        }

        return next == prompts;
    }

    [Fact]
    public void A_job_larger_than_the_machine_is_refused_with_its_breakdown()
    {
        var job = Jobs.Read(Jobs.Small, "model.init={hidden_size: 8192, intermediate_size: 32768, num_hidden_layers: 64, num_attention_heads: 64, num_key_value_heads: 8, tokenizer: arithmetic}");
        string message = Assert.Single(Plan(job).Check(8L << 30)).Message;
        Assert.Contains("but the machine has 8.59 GB: weights", message);
        Assert.Contains("Use a smaller model", message);
        Assert.Empty(Plan(Jobs.SmallSpec).Check(8L << 30));
        Assert.Empty(Plan(job).Check(null));
        Assert.Contains("Lower update.micro_batch_size", Assert.Single(Plan(Jobs.Read(Jobs.Small, "update.micro_batch_size=100000", "rollout.samples_per_prompt=4000")).Check(8L << 30)).Message);
    }

    [Fact]
    public void Absurd_sizes_saturate_instead_of_wrapping_round()
    {
        var job = Jobs.SmallSpec with
        {
            Model = new ModelSpec { Init = Jobs.SmallSpec.Model.Init! with { HiddenSize = 65536, IntermediateSize = 1048576, NumHiddenLayers = 1024, NumAttentionHeads = 1024, NumKeyValueHeads = 1024, VocabSize = 1048576 } },
            Rollout = new RolloutSpec { PromptsPerStep = 1_000_000, SamplesPerPrompt = 4096, MaxNewTokens = 1 << 20 },
            Update = new UpdateSpec { MicroBatchSize = 100_000 },
            Grid = new GridSpec { Shards = 1 },
        };
        Assert.Single(Plan(job).Check(1L << 50));
    }

    [Fact]
    public void More_slices_than_the_model_can_be_cut_into_are_refused() =>
        Assert.Equal("grid.slices", Assert.Single(Plan(Jobs.Read(Jobs.Small, "grid.slices=5925")).Check(null)).Path);

    [Fact]
    public void The_text_says_what_will_happen()
    {
        string text = Plan(Jobs.Read(Jobs.Small, "grid.shards=20", "warm_start.steps=40", "scalarizer={method: ctwa, mode: reference, targets: 0.1}")).ToText();
        Assert.Contains("qwen2, 94,784 parameters (2 layers of width 64, vocabulary 80 assumed)", text);
        Assert.Contains("40 supervised steps of 32 examples", text);
        Assert.Contains("16 prompts x 16 samples = 256 completions, at most 16,384 tokens", text);
        Assert.Contains("1 per step of 16 prompts; 100 in 100 steps", text);
        Assert.Contains("20, 0 to 1 prompts of an update each; 4 of them have nothing to do", text);
        Assert.Contains("ctwa (reference arithmetic) on accuracy, clarity", text);
        Assert.Contains("2 of about 47,392 parameters", text);
        Assert.Contains("memory       about", text);
    }

    [Fact]
    public void Physical_memory_is_read_from_the_kernel()
    {
        Assert.InRange(PhysicalMemory.Read() ?? 0, 100_000_000, long.MaxValue);
        Assert.Null(PhysicalMemory.Read("/absent"));
    }
}
