using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Ctwa.Training.Models;

namespace Ctwa.Bench.Simulate;

/// <summary>
/// Bytes, calls, FLOPs, memory and seconds of a step in closed form, for N equal silos and a job that begins. Nothing of the simulator or the grid's planner is
/// used: two ways to one number. docs/scaling.md has the formulas in words.
/// </summary>
internal sealed class StepFormulas(ScaleJob job, ScaleMachine machine, int silos)
{
    private readonly StepMessages _messages = new(job);

    /// <summary>Silos that hold a copy of a slice, h.</summary>
    private int Holders => job.Mirror && silos > 1 ? 2 : 1;

    /// <summary>Elements of a slice: whole blocks, sizes differing by at most one.</summary>
    private long SliceLength(int slice)
    {
        long blocks = job.Length / FlatLayout.Block;
        return FlatLayout.Block * ((blocks * (slice + 1) / job.Slices) - (blocks * slice / job.Slices));
    }

    /// <summary>First shard of a silo; the end of the one before it.</summary>
    private int FirstShard(int silo) => silo == silos ? job.Shards : (int)Math.Round(job.Shards * (double)silo / silos);

    /// <summary>Shards of a silo.</summary>
    public int ShardsOf(int silo) => FirstShard(silo + 1) - FirstShard(silo);

    /// <summary>
    /// Complete subtrees in a silo's range of shards, k_n: as in any range of a binary tree, one for every odd border on the way up. A range that ends with the
    /// last shard reaches to the next power of two, since an odd node passes up.
    /// </summary>
    public int NodesOf(int silo)
    {
        int left = FirstShard(silo), right = FirstShard(silo + 1), count = 0, level = 0;
        if (left == right) { return 0; }
        if (right == job.Shards) { right = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)job.Shards); }
        // Beyond the last shard there are no nodes.
        int There(int node) => (long)node << level < job.Shards ? 1 : 0;
        for (; left < right; left /= 2, right /= 2, level++)
        {
            if ((left & 1) == 1) { count += There(left++); }
            if ((right & 1) == 1) { count += There(--right); }
        }

        return count;
    }

    /// <summary>Nodes of the tree that silos hold at the end of their own sums, K.</summary>
    public int Nodes => Enumerable.Range(0, silos).Sum(NodesOf);

    /// <summary>Tensor bytes of a step between silos. Slice c has primary c mod N and mirror c + 1 mod N.</summary>
    public StepBytes Bytes()
    {
        int nodes = Nodes;
        int[] own = [.. Enumerable.Range(0, silos).Select(NodesOf)];
        long collect = Enumerable.Range(0, job.Slices).Sum(slice => SliceLength(slice) * (nodes - own[slice % silos]));
        return new StepBytes(job.Updates * 4L * job.Rows * collect, Holders == 2 ? job.Updates * 4L * job.Rows * job.Length : 0, job.Updates * job.ElementBytes * job.Length * (silos - Holders));
    }

    /// <summary>Bytes that the writer of a checkpoint gets: moments, and master weights where models compute with a copy.</summary>
    public long CheckpointBytes() => (job.ElementBytes < 4 ? 12L : 8L) * Enumerable.Range(0, job.Slices).Where(slice => slice % silos != 0 && (Holders == 1 || (slice + 1) % silos != 0)).Sum(SliceLength);

    /// <summary>Calls of the coordinator if nothing took longer than a poll; see <see cref="ExtraPolls"/>.</summary>
    public long Calls() => (2L * silos)
        + ShardCalls(StepMessages.Phase.Generate) + ShardCalls(StepMessages.Phase.Score) + (job.Observe ? ShardCalls(StepMessages.Phase.Observe) : 0)
        + (job.Updates * (ShardCalls(StepMessages.Phase.Update) + ((long)job.Slices * (Holders + (Holders * (job.Rows > 1 ? 4 : 2)))) + (silos > 1 ? silos : 0)));

    /// <summary>Calls of a phase in which shards work: one each, or, from 256 on, as many per batch as its answers fill messages.</summary>
    public long ShardCalls(StepMessages.Phase phase, double seconds = 0)
    {
        long polls = Math.Max(1, (long)Math.Ceiling(seconds / 2));
        if (job.Shards < GrainBackend.FanFrom) { return job.Shards * polls; }
        int batch = Math.Clamp(MessageSizes.Batch / MessageSizes.Of(_messages.Work(phase)), 1, 128);
        int reply = Math.Max(1, MessageSizes.Answer / _messages.AnswerBytes(phase));
        long Replies(int shards) => Math.Max(polls, (shards + reply - 1) / reply);
        return Enumerable.Range(0, silos).Select(ShardsOf).Sum(shards => (shards / batch * Replies(batch)) + (shards % batch > 0 ? Replies(shards % batch) : 0));
    }

    /// <summary>Questions beyond the first that the shards' computing costs: one per shard or batch and further two seconds. At most: batches that end early need fewer.</summary>
    public long ExtraPolls() => new[]
    {
        (StepMessages.Phase.Generate, Generation), (StepMessages.Phase.Update, Training), (StepMessages.Phase.Observe, job.Observe ? Measurement : 0),
    }.Sum(one => (one.Item1 == StepMessages.Phase.Update ? job.Updates : 1) * (ShardCalls(one.Item1, one.Item2) - ShardCalls(one.Item1)));

    /// <summary>Calls from shards to the rewards' silo.</summary>
    public long RewardCalls() => (long)job.Shards * job.Objectives * _messages.ScoreBatchCount;

    /// <summary>Floating-point operations of a step: 2 per parameter and token of a forward pass, 4 of a backward pass.</summary>
    public double Flops()
    {
        double tokens = job.TrainedTokens * job.Updates * job.Shards;
        return 2.0 * job.Parameters * tokens * (1 + 1 + (2 * job.Rows) + (job.Observe ? 1 : 0));
    }

    /// <summary>Shards that the busiest lane computes one after another.</summary>
    private int ShardsPerLane => (Enumerable.Range(0, silos).Max(ShardsOf) + machine.Devices - 1) / machine.Devices;

    public double Generation => ShardsPerLane * machine.Generation(job);

    /// <summary>Of one update.</summary>
    public double Training => ShardsPerLane * machine.Training(job);

    public double Measurement => ShardsPerLane * machine.Measurement(job);

    /// <summary>Seconds of scoring: the texts' way to one silo, then one answer after another.</summary>
    public double Scoring => Math.Max(
        (double)_messages.TextBytes * job.Objectives * job.Answers * (job.Shards - ShardsOf(0)) / machine.LinkRate,
        ((double)job.Objectives * job.Answers * job.Shards * machine.ScoreSeconds) + (RewardCalls() * machine.CallSeconds));

    /// <summary>
    /// Seconds of one update's collection: all bytes over the links that give at a time. With an order of its own for every silo all N give; with one order for
    /// all, everybody asks for the same three nodes at a time.
    /// </summary>
    public double Collection(ScaleChanges changes)
    {
        if (silos == 1) { return 0; }
        double all = 4.0 * job.Rows * job.Length * (Nodes - ((double)Nodes / silos)), giving = changes.OwnOrder ? silos : Math.Min(3, silos);
        // Every request costs the giving device a copy, of the range or of everything; and the taking one another, of the range.
        double copies = ((all * (changes.RangeCopies ? 1 : job.Slices) / giving) + (all / silos)) / machine.CopyRate;
        return Math.Max(all / giving / machine.LinkRate, copies) + (job.Rows * Math.Max(1, Nodes / 3) * machine.Latency);
    }

    /// <summary>Seconds of the mirrors' collection: every silo gets and gives its part.</summary>
    public double Mirroring => Holders < 2 ? 0 : 4.0 * job.Rows * job.Length / Math.Min(silos, job.Slices) * ((1 / machine.LinkRate) + (2 / machine.CopyRate));

    /// <summary>
    /// Seconds of one publication: every silo gets E P bytes, one slice after another. With one order for all, one link gives at a time, and what is copied meanwhile
    /// is not waited for.
    /// </summary>
    public double Publication(ScaleChanges changes)
    {
        double all = (double)job.ElementBytes * job.Length * (silos - Holders);
        double rate = changes.OwnOrder ? Math.Min(silos, job.Slices) / ((1 / machine.LinkRate) + (2 / machine.CopyRate)) : Math.Min(machine.LinkRate, machine.CopyRate);
        return (all / rate) + (silos > Holders ? job.Slices * machine.Latency : 0);
    }

    /// <summary>Seconds of the Gram matrix, the combination and AdamW in one update.</summary>
    public double Applying
    {
        get
        {
            double mine = (double)job.Length * Holders / Math.Min(silos, job.Slices);
            double passes = (job.Rows > 1 ? (20.0 * job.Rows) + (8.0 * (job.Rows + 1)) : 0) + 4 + (silos > 1 ? 24 : 0);
            return mine * (machine.AdamSeconds + (passes / machine.MemoryRate));
        }
    }

    /// <summary>Seconds that the coordinator itself works; most of it while others wait.</summary>
    public double Coordination(ScaleChanges changes)
    {
        long slices = (long)job.Updates * job.Slices * (Holders + (Holders * (job.Rows > 1 ? 4 : 2)));
        long calls = Calls() + ExtraPolls() - (changes.FannedSlices ? slices - silos : 0);
        long items = job.Shards < GrainBackend.FanFrom ? 0 : (long)job.Shards * (2 + job.Updates + (job.Observe ? 1 : 0));
        return (calls * machine.CallSeconds) + ((items + (changes.FannedSlices ? slices : 0)) * machine.ItemSeconds);
    }

    /// <summary>Seconds of a step without the spread of shards.</summary>
    public double Seconds(ScaleChanges changes) =>
        Generation + Scoring + (job.Updates * (Training + Collection(changes) + Mirroring + Applying + Publication(changes))) + (job.Observe ? Measurement : 0) + Coordination(changes);

    /// <summary>Bytes of a silo's memory: see docs/scaling.md; activations come on top.</summary>
    public double Memory(bool reference)
    {
        int own = ShardsPerLane, levels = 0;
        while (1 << levels < own) { levels++; }
        double buffers = Math.Min(own, levels + 1) * job.Rows, held = (double)Holders / silos;
        double slices = silos == 1 ? (job.Rows > 1 ? 1 : 0) : held * (job.Rows + (job.Rows > 1 ? 1 : 0) + 3 + Math.Log2(Math.Max(2, Nodes)));
        return job.Length * (12 + (job.ElementBytes < 4 ? job.ElementBytes : 0) + (reference ? job.ElementBytes : 0) + (4 * buffers) + (4 * slices) + (silos > 1 ? 12 * held : 0));
    }

    /// <summary>Connections that others may hold to one silo's channel: every peer, for every slice that it takes sums of and every node it asks for at a time, at most four.</summary>
    public int Connections()
    {
        int slices = (job.Slices + silos - 1) / silos, nodes = Math.Min(3, Enumerable.Range(0, silos).Max(NodesOf));
        return (silos - 1) * Math.Clamp(slices * nodes, 1, 4);
    }
}
