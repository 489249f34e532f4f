using Ctwa.Bench.Measuring;

namespace Ctwa.Bench;

/// <summary>What the project wants to be as fast as, and what it claims to have reached.</summary>
internal static class Goals
{
    public static IReadOnlyList<Goal> All { get; } =
    [
        new("training", "training_quickstart_1t", "training step against PyTorch eager, quick-start size, 1 thread", 0.7, AtMost: true, Reached: true),
        new("training", "training_15m_1t", "the same at 15 million parameters, 1 thread", 0.7, AtMost: true, Reached: true),
        new("training", "training_0.5b_2t", "the same at Qwen2.5-0.5B's shape, 2 threads", 0.7, AtMost: true, Reached: false, "not claimed: PyTorch with the two threads of Debian's OpenBLAS is slower here than with one (15 million parameters, scoring), which flatters us; products are all but all of such a step"),
        new("generation", "generation_quickstart_64", "generation against a PyTorch loop with a cache, batch 64", 2.5, AtMost: false, Reached: true),
        new("generation", "generation_quickstart_256", "the same, batch 256", 2.5, AtMost: false, Reached: true),
        new("rl-step", "rl_step", "whole RL step of the quick-start against a straightforward PyTorch implementation", 0.5, AtMost: true, Reached: true),
        new("objectives", "objectives_quickstart_3", "3 objectives' gradients + Gram + apply against one gradient + apply", 2.1, AtMost: true, Reached: true),
        new("objectives", "gram_3", "Gram matrix of 3 gradients, bytes per second against a plain copy's", 0.7, AtMost: false, Reached: false, "conversion to float64, which the definition asks for: 18 GB/s in the cache; between 0.47 and 0.72 of the copy from run to run"),
        new("grid", "grid_vs_local", "grid of one silo against LocalTrainer", 1.05, AtMost: true, Reached: false, "the runtime's compiler works beside the lane while a job is young; steps are three times shorter than they were, so what is fixed weighs more"),
        new("grid", "two_lanes", "two lanes against one on two cores, same bits", 1.7, AtMost: false, Reached: false, "moves between 1.6 and 1.8 from run to run: collection, norm and solution of a step are waited for, and both lanes share two cores with everything else"),
        new("checkpoint", "checkpoint_stall", "stall of a training step by its checkpoint, share of the step", 0.05, AtMost: true, Reached: false, "a checkpoint after every step of 87 ms: between 0.5 and 10 % from run to run, and 3 to 18 % at 15 million parameters (steps of 0.75 s): the copy is short, but the writer's processor time and memory traffic meet the step's on two cores"),
        new("control-plane", "control_10000", "control overhead of a step, 10,000 shards, two silos, seconds", 0.150, AtMost: true, Reached: true),
        new("startup", "startup_first_step", "command to first trained step, built, seconds", 5, AtMost: true, Reached: true),
    ];
}
