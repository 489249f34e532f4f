using Ctwa.Grains.Coordination;

namespace Ctwa.Bench.Simulate;

/// <content>How the coordinator asks, and what is written down of it.</content>
internal sealed partial class StepSimulation
{
    private const double LongestPoll = 2;

    // After so many questions about one piece of work the others are only counted: they change nothing but the coordinator's load.
    private const int QuestionsReplayed = 8;

    /// <summary>One call: the coordinator's turn, the way there, what the callee does, the way back, the coordinator's turn.</summary>
    /// <param name="callee">Gives the number of answers of shards that its answer holds.</param>
    private async Task CallAsync(Func<Task<int>> callee)
    {
        _calls++;
        await _coordinator.UseAsync(_machine.CallSeconds / 2);
        await _clock.DelayAsync(_machine.Latency / 2);
        int items = await callee();
        await _clock.DelayAsync(_machine.Latency / 2);
        await _coordinator.UseAsync((_machine.CallSeconds / 2) + (items * _machine.ItemSeconds));
    }

    /// <summary>As WorkDriver: start, then ask until it is done; each call waits two seconds at most.</summary>
    private async Task DriveAsync(Func<Task> work)
    {
        Task? started = null;
        var running = Task.CompletedTask;
        int questions = 0;
        for (bool done = false; !done;)
        {
            if (++questions == QuestionsReplayed) { await SkipAsync(running); }
            await CallAsync(async () =>
            {
                running = started ??= work();
                await WaitAsync(running);
                done = running.IsCompleted;
                return 0;
            });
        }

        await running;
    }

    private async Task SkipAsync(Task running)
    {
        double start = _clock.Now;
        await running;
        // The last question, which finds it done, is asked by the caller.
        long skipped = (long)((_clock.Now - start) / (LongestPoll + _machine.Latency + _machine.CallSeconds));
        _calls += skipped;
        _coordinator.Note(skipped * _machine.CallSeconds);
    }

    private async Task WaitAsync(Task running)
    {
        if (!running.IsCompleted) { await Task.WhenAny(running, _clock.DelayAsync(LongestPoll)); }
    }

    /// <summary>As GrainBackend and ShardFan: a call per shard, or from 256 shards on a call per batch and silo.</summary>
    private Task OnShardsAsync(StepMessages.Phase phase, Func<int, SerialResource, Task> work)
    {
        Task Work(int shard) => work(shard, LaneOf(shard));
        if (_job.Shards < GrainBackend.FanFrom) { return Task.WhenAll(Enumerable.Range(0, _job.Shards).Select(shard => DriveAsync(() => Work(shard)))); }
        var message = _messages.Work(phase);
        var messages = Enumerable.Repeat(message, _job.Shards).ToArray();
        int answer = _messages.AnswerBytes(phase);
        return Task.WhenAll(Enumerable.Range(0, _job.Shards).GroupBy(shard => _siloOfShard[shard])
            .SelectMany(silo => ShardFan.Cut(silo, messages)).Select(batch => FanAsync([.. batch], Work, answer)));
    }

    /// <summary>As ShardFanGrain: the first call starts a batch, each waits two seconds at most, and an answer holds what a message may.</summary>
    private async Task FanAsync(IReadOnlyList<int> batch, Func<int, Task> work, int answerBytes)
    {
        Dictionary<int, Task> running = [];
        var missing = batch.ToList();
        for (int questions = 1; missing.Count > 0; questions++)
        {
            if (questions == QuestionsReplayed) { await SkipAsync(Task.WhenAll(missing.Select(shard => running[shard]))); }
            await CallAsync(async () =>
            {
                if (running.Count == 0) { running = batch.ToDictionary(shard => shard, work); }
                await WaitAsync(Task.WhenAll(missing.Select(shard => running[shard])));
                int bytes = 0;
                var answered = new List<int>();
                foreach (int shard in missing)
                {
                    bool done = running[shard].IsCompleted;
                    bytes += done ? answerBytes : StepMessages.Waiting;
                    if (bytes > MessageSizes.Answer && (answered.Count > 0 || shard != missing[0])) { break; }
                    if (done) { answered.Add(shard); }
                }

                missing.RemoveAll(answered.Contains);
                return answered.Count;
            });
        }
    }

    private SerialResource LaneOf(int shard)
    {
        var lanes = _silos[_siloOfShard[shard]].Lanes;
        int first = shard, end = shard;
        while (first > 0 && _siloOfShard[first - 1] == _siloOfShard[shard]) { first--; }
        while (end < _siloOfShard.Length && _siloOfShard[end] == _siloOfShard[shard]) { end++; }
        return lanes.Length == 1 ? lanes[0] : lanes[(int)((long)(shard - first) * lanes.Length / (end - first))];
    }

    /// <summary>A call to every copy of every slice; or, fanned, to every silo about all of its copies.</summary>
    private Task OnSlicesAsync(Func<int, int, Task> work, bool primaries = true, bool mirrors = true)
    {
        (int Slice, int Silo)[] copies = [.. Enumerable.Range(0, _ranges.Length).SelectMany(slice => ((int[])[primaries ? _primaries[slice] : -1, mirrors ? _mirrors[slice] : -1]).Where(silo => silo >= 0).Select(silo => (slice, silo)))];
        return _changes.FannedSlices
            ? Task.WhenAll(copies.GroupBy(copy => copy.Silo).Select(silo => FanAsync([.. silo.Select((_, i) => i)], i => work(silo.ElementAt(i).Slice, silo.Key), answerBytes: 64)))
            : Task.WhenAll(copies.Select(copy => DriveAsync(() => work(copy.Slice, copy.Silo))));
    }

    private Task OnMembersAsync(Func<int, Task> work) => Task.WhenAll(Enumerable.Range(0, _silos.Length).Select(silo => DriveAsync(() => work(silo))));

    private async Task PhaseAsync(string name, Func<Task> program)
    {
        var (start, before) = (_clock.Now, Busy());
        await program();
        double seconds = _clock.Now - start;
        string binds = "";
        if (seconds > 0)
        {
            var after = Busy();
            var (what, busy) = after.Select((one, i) => (one.What, one.Each.Zip(before[i].Each, (now, then) => now - then).Max())).MaxBy(one => one.Item2);
            binds = busy > seconds / 2 ? what : "order";
        }

        int at = _phases.FindIndex(phase => phase.Name == name);
        if (at < 0) { _phases.Add(new PhaseTime(name, seconds, binds)); }
        else { _phases[at] = new PhaseTime(name, _phases[at].Seconds + seconds, seconds > _phases[at].Seconds ? binds : _phases[at].Binds); }
    }

    private (string What, double[] Each)[] Busy() =>
    [
        ("device", [.. _silos.SelectMany(silo => silo.Lanes).Select(lane => lane.Busy)]),
        ("copies", [.. _silos.Select(silo => silo.CopyBusy)]),
        ("link out", [.. _silos.Select(silo => silo.Out.Busy)]),
        ("link in", [.. _silos.Select(silo => silo.In.Busy)]),
        ("coordinator", [_coordinator.Busy]),
        ("rewards", [_rewards.Busy]),
    ];

    private StepResult Result()
    {
        // The silo of the first slice writes: it gets the moments of what it does not hold, and the weights where models compute with a copy of them.
        int each = _job.ElementBytes < 4 ? 12 : 8;
        long fetched = Enumerable.Range(0, _ranges.Length).Where(slice => _primaries[slice] != _primaries[0] && _mirrors[slice] != _primaries[0]).Sum(slice => each * _ranges[slice].Length);
        double checkpoint = (fetched / _machine.LinkRate) + (12.0 * _job.Parameters / _machine.DiskRate);
        // Texts of answers are not tensors, and are not counted among them.
        return new StepResult(
            _silos.Length, _phases, new StepBytes(_collected, _mirrored, _published), _silos.Max(silo => Math.Max(silo.In.Bytes, silo.Out.Bytes)), _silos.Max(silo => silo.Copied),
            _calls, _rewardCalls, _silos.Max(silo => silo.Out.Peak), fetched, checkpoint);
    }
}
