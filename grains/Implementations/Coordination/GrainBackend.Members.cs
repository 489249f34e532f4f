using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Gradients;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Coordination;

/// <summary>Who computes: opening, planning, handing over, recovery.</summary>
internal sealed partial class GrainBackend
{
    /// <summary>Nothing waits without a deadline (invariant I11): so long for a silo that can compute.</summary>
    private static readonly TimeSpan s_longestWaitForSilos = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, Member> _members = new(StringComparer.Ordinal);
    private readonly SpeedMeter _speeds = new();
    private JobPlacement? _placement;
    private NumericFingerprint? _fingerprint;
    private ImmutableArray<string> _active = [];
    private long _lastLook = Stopwatch.GetTimestamp();
    private Task? _joining;
    private int _generation;
    private int _keys;
    private bool _hasReference;

    public int Lanes => _placement is { } plan ? plan.Members.Max(member => _members[member.Silo].Lanes) : 1;

    /// <inheritdoc/>
    public NumericFingerprint Fingerprint => _fingerprint ?? throw new InvalidOperationException("nothing computes yet.");

    private JobMemberActivity ActivityOf(JobPlacement plan, string silo, int m) => new(
        silo, _members[silo].Device, _members[silo].Lanes, plan.ShardMembers.Count(one => one == m), plan.Slices.Count(slice => slice.Primary == silo), _speeds.Of(silo));

    private JobPlacement Placement => _placement ?? throw new ComputeLostException("the job has no place on the grid.");

    /// <summary>Silos that compute for the job now; for records.</summary>
    public ImmutableArray<string> Silos => _placement is { } plan ? [.. plan.Members.Select(member => member.Silo)] : [];

    async Task ITrainingBackend.GatherAsync(CancellationToken cancellationToken)
    {
        // Whoever computed before may be gone for good: the run goes on with those who are there.
        _fingerprint = null;
        await GatherAsync(cancellationToken);
    }

    public async Task LoadAsync(string? checkpoint, string? reference, long policyVersion, CancellationToken cancellationToken)
    {
        _phase.Begin("place");
        var (members, leaving) = await GatherAsync(cancellationToken);
        var plan = Plan(members, [.. Enumerable.Range(0, Slices).Select(_ => (IReadOnlyList<string>)[])]);
        await OnMembersAsync(plan.Members, silo => new LoadWork(NextKey("load"), plan, checkpoint, reference, policyVersion), cancellationToken);
        (_version, _committed, _hasReference) = (policyVersion, policyVersion, reference is not null);
        Settle(plan);
        await LetWriteEndAsync(leaving, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await CloseAsync(leaving);
        log.Placed(plan);
    }

    public async Task<bool> TryContinueAsync(long policyVersion, bool hasReference, CancellationToken cancellationToken)
    {
        try
        {
            _hasReference = hasReference;
            await PlaceAsync(policyVersion, cancellationToken);
            return true;
        }
        catch (Exception failure) when (failure is StateLostException or ComputeLostException)
        {
            return false;
        }
    }

    public async Task BeginStepAsync(long policyVersion, CancellationToken cancellationToken)
    {
        (_version, _committed) = (policyVersion, policyVersion);
        if (Stopwatch.GetElapsedTime(_lastLook) < s_betweenLooks && grid.Active().SequenceEqual(_active)) { return; }
        _lastLook = Stopwatch.GetTimestamp();
        var active = grid.Active();
        string? gone = Placement.Members.Select(member => member.Silo).FirstOrDefault(silo => !active.Contains(silo));
        if (gone is not null) { throw new ComputeLostException($"silo {gone} has left the grid."); }
        if (await WantsAnotherPlanAsync(cancellationToken)) { await PlaceAsync(policyVersion, cancellationToken); }
    }

    /// <inheritdoc/>
    public bool IsLeaving => here.IsLeaving;

    /// <inheritdoc/>
    public async Task<bool> HandOverAsync(long policyVersion, CancellationToken cancellationToken)
    {
        // Whoever goes on elsewhere asks only those that stay: they must have everything.
        if (HasPart(here.Silo) && await WantsAnotherPlanAsync(cancellationToken)) { await PlaceAsync(policyVersion, cancellationToken); }
        return !HasPart(here.Silo) && await here.ElsewhereAsync(cancellationToken) is not null;
    }

    private bool HasPart(string silo) => _rewardSilo == silo || Placement.Members.Any(member => member.Silo == silo);

    public Task RecoverAsync(long policyVersion, CancellationToken cancellationToken) => PlaceAsync(policyVersion, cancellationToken);

    /// <summary>Frees what silos hold of the job.</summary>
    public Task CloseAsync() => CloseAsync([.. _members.Keys]);

    /// <summary>
    /// Brings every slice to a committed version, plans anew over the silos that are there, and moves what has to move. Whoever is
    /// lost on the way is left out of the next try.
    /// </summary>
    /// <exception cref="StateLostException">A slice of that version is nowhere any more.</exception>
    private async Task PlaceAsync(long version, CancellationToken cancellationToken)
    {
        for (int losses = 0; ; losses++)
        {
            try
            {
                await TryPlaceAsync(version, cancellationToken);
                return;
            }
            catch (ComputeLostException) when (losses < 5)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
            }
        }
    }

    private async Task TryPlaceAsync(long version, CancellationToken cancellationToken)
    {
        _phase.Begin("place");
        var (members, leaving) = await GatherAsync(cancellationToken);
        MemberPlace[] all = [.. members.Select(member => member.Place), .. leaving.Select(silo => _members[silo].Place)];
        var settled = await OnMembersAsync(all, _ => new SettleWork(NextKey("settle"), version), cancellationToken);
        // Those who stay come first: nothing moves that need not.
        var held = Enumerable.Range(0, Slices).Select(slice => (IReadOnlyList<string>)[.. all.Where((_, i) => settled[i].Slices.Contains(slice)).Select(place => place.Silo).OrderBy(silo => silo == _placement?.Slices[slice].Primary ? 0 : 1)]).ToArray();
        int lost = Array.FindIndex(held, holders => holders.Count == 0);
        if (lost >= 0) { throw new StateLostException($"no silo holds slice {lost} of the weights of version {version} any more."); }
        string? keeper = !_hasReference ? null : all.Where((_, i) => settled[i].HasReference).Select(place => place.Silo).FirstOrDefault() ?? throw new StateLostException("no silo holds the reference policy any more.");

        var plan = Plan(members, held);
        MemberPlace[] away = [.. leaving.Select(silo => _members[silo].Place)];
        ImmutableArray<string> sources = [.. held.Select(holders => holders[0])];
        var adopted = await OnMembersAsync(plan.Members, _ => new AdoptWork(NextKey("adopt"), plan, version, sources, keeper, [.. away]), cancellationToken);
        var manifest = Enumerable.Range(0, Slices).Select(slice =>
        {
            int holder = plan.Members.IndexOf(plan.Member(plan.Slices[slice].Primary));
            int at = adopted[holder].Slices.IndexOf(slice);
            return new PublishedSlice(plan.Slices[slice].Primary, adopted[holder].Hashes[at]);
        }).ToImmutableArray();
        await OnMembersAsync(plan.Members, _ => new PublishWork(NextKey("publish"), version, manifest, Verify: true), cancellationToken);
        (_version, _committed) = (version, version);
        Settle(plan);
        await LetWriteEndAsync(leaving, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await CloseAsync(leaving);
        log.Placed(plan);
    }

    /// <summary>The plan holds from now on.</summary>
    private void Settle(JobPlacement plan)
    {
        bool IsPromoted(int slice) => _placement!.Slices[slice] is { Mirror: { } mirror, Primary: var primary } && plan.Slices[slice].Primary == mirror && plan.Members.All(member => member.Silo != primary);
        int promotions = _placement is null ? 0 : Enumerable.Range(0, Slices).Count(IsPromoted), mirrored = plan.Slices.Count(slice => slice.Mirror is not null);
        telemetry.Place(plan.Members.Length, mirrored, Slices - mirrored, promotions);
        _placement = plan;
    }

    /// <summary>Silos that can compute for the job, opened; and those that hold something of it but are leaving.</summary>
    private async Task<(ImmutableArray<Member> Members, ImmutableArray<string> Leaving)> GatherAsync(CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        if (_joining is { } joining) { await joining.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext); }
        while (true)
        {
            _active = grid.Active();
            var described = await grid.DescribeAsync(cancellationToken);
            foreach (string silo in _members.Keys.Except(described.Select(one => one.Address)).ToList()) { _members.Remove(silo); }
            var opened = await Task.WhenAll(described.Where(one => one.Computes && !one.Draining).Select(one => TryOpenAsync(one, cancellationToken)));
            var usable = opened.OfType<Member>().ToList();
            if (usable.Count > 0)
            {
                // One fingerprint for all (invariant I1): the run's own, else that of most lanes.
                _fingerprint ??= usable.GroupBy(member => member.Fingerprint!).OrderByDescending(group => group.Sum(member => member.Lanes)).First().Key;
                ImmutableArray<Member> members = [.. usable.Where(member => member.Fingerprint == _fingerprint).OrderBy(member => member.Place.Silo, StringComparer.Ordinal)];
                if (!members.IsEmpty)
                {
                    await ChooseRewardSiloAsync(described, members, cancellationToken);
                    return (members, [.. _members.Values.Where(member => member.Computes).Select(member => member.Place.Silo).Except(members.Select(member => member.Place.Silo))]);
                }
            }

            if (clock.Elapsed > s_longestWaitForSilos) { throw new InvalidOperationException($"no silo that can compute for the job was there for {s_longestWaitForSilos.TotalMinutes:0} minutes{(_fingerprint is { } wanted ? $" (one with {wanted.Device}, {wanted.Instructions})" : "")}; start one, then resume the run."); }
            if (clock.Elapsed > TimeSpan.FromSeconds(5)) { log.Waiting(); }
            await Task.Delay(TimeSpan.FromMilliseconds(500), cancellationToken);
        }
    }

    private async Task<Member?> TryOpenAsync(SiloDescription silo, CancellationToken cancellationToken)
    {
        if (_members.TryGetValue(silo.Address, out var known) && known.Computes) { return known; }
        try
        {
            var result = await OnMemberAsync(silo.Address, new OpenWork(NextKey("open"), specJson, runDirectory, Computes: true, Rewards: false), cancellationToken);
            return _members[silo.Address] = new Member(new MemberPlace(silo.Address, silo.ChannelHost, silo.ChannelPort)) { Lanes = result.Lanes, Device = silo.Device, Fingerprint = JsonSerializer.Deserialize<NumericFingerprint>(result.Fingerprint), Computes = true };
        }
        catch (ComputeLostException)
        {
            return null;
        }
    }

    /// <summary>Rewards are opened on one silo: one that does not compute, if there is one.</summary>
    private async Task ChooseRewardSiloAsync(ImmutableArray<SiloDescription> described, ImmutableArray<Member> members, CancellationToken cancellationToken)
    {
        if (_job.Spec.Kind != JobKind.Rl || described.Any(one => one.Address == _rewardSilo && !one.Draining)) { return; }
        foreach (string silo in described.Where(one => !one.Computes && !one.Draining).Select(one => one.Address).Concat(members.Select(member => member.Place.Silo)))
        {
            try
            {
                bool computes = _members.TryGetValue(silo, out var member) && member.Computes;
                await OnMemberAsync(silo, new OpenWork(NextKey("rewards"), specJson, runDirectory, Computes: false, Rewards: true), cancellationToken);
                if (!computes) { _members.TryAdd(silo, new Member(new MemberPlace(silo, "", 0))); }
                _rewardSilo = silo;
                return;
            }
            catch (ComputeLostException)
            {
                // The next one, then.
            }
        }

        throw new ComputeLostException("no silo could open the job's rewards.");
    }

    private JobPlacement Plan(ImmutableArray<Member> members, IReadOnlyList<IReadOnlyList<string>> held) => PlacementPlan.Make(
        Shards, Slices, [.. members.Select(member => member.Place)], [.. members.Select(member => _speeds.Of(member.Place.Silo) ?? _speeds.Typical * member.Lanes)],
        held, _job.Spec.Grid.Mirror && members.Length > 1, _rewardSilo, ++_generation);

    private async Task<bool> WantsAnotherPlanAsync(CancellationToken cancellationToken)
    {
        var described = await grid.DescribeAsync(cancellationToken);
        _active = grid.Active();
        // A silo that joins gets ready beside the steps, and its part at a boundary afterwards.
        var newcomers = described.Where(one => one.Computes && !one.Draining && !_members.ContainsKey(one.Address)).ToList();
        if (newcomers.Count > 0 && _joining is not { IsCompleted: false }) { _joining = Task.WhenAll(newcomers.Select(one => TryOpenAsync(one, cancellationToken))); }
        bool joined = _members.Values.Any(member => member.Computes && member.Fingerprint == _fingerprint && Placement.Members.All(place => place.Silo != member.Place.Silo) && described.Any(one => one.Address == member.Place.Silo && !one.Draining));
        bool leaves = described.Any(one => one.Draining && (one.Address == _rewardSilo || Placement.Members.Any(place => place.Silo == one.Address)));
        if (leaves && !described.Any(one => one.Computes && !one.Draining))
        {
            // Nobody is left to go on: the run keeps what it has.
            drained();
            return false;
        }

        return joined || leaves || _speeds.WouldGain(Placement);
    }

    private async Task CloseAsync(IReadOnlyCollection<string> silos)
    {
        await Task.WhenAll(silos.Select(async silo =>
        {
            _members.Remove(silo);
            try { await MemberOf(silo).Close(epoch, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30)); }
            catch (Exception failure) when (failure is OrleansException or TimeoutException or StaleCoordinatorException)
            {
                // It is gone, or will be told by whoever holds the job now.
            }
        }));
    }

    private async Task<MemberResult[]> OnMembersAsync(IReadOnlyList<MemberPlace> members, Func<string, MemberWork> workOf, CancellationToken cancellationToken) =>
        await SideBySide.RunAsync(members.Select(member => (Func<CancellationToken, Task<MemberResult>>)(token => OnMemberAsync(member.Silo, workOf(member.Silo), token))), cancellationToken);

    private async Task<MemberResult> OnMemberAsync(string silo, MemberWork work, CancellationToken cancellationToken)
    {
        var grain = MemberOf(silo);
        work = work with { Epoch = epoch };
        return await WorkDriver.DriveAsync(
            $"silo {silo} of job {jobId}, {work.Key}",
            () => grain.Start(work, cancellationToken),
            () => grain.Poll(work.Key, cancellationToken),
            report => (report.Status, report.Result, report.Error),
            cancellationToken);
    }

    private IMemberGrain MemberOf(string silo) => grains.GetGrain<IMemberGrain>(GrainKeys.Of(jobId, GrainKeys.Whole, silo));

    // Never twice: another coordinator, or another attempt, means something else by the same words.
    private string NextKey(string kind) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{kind}/{epoch}/{Interlocked.Increment(ref _keys)}");

    /// <summary>The canonical tree as complete subtrees on the silos that have them.</summary>
    private ImmutableArray<GradientNode> Nodes()
    {
        var plan = Placement;
        var nodes = ImmutableArray.CreateBuilder<GradientNode>();
        for (int first = 0; first < Shards;)
        {
            int end = first + 1;
            while (end < Shards && plan.ShardMembers[end] == plan.ShardMembers[first]) { end++; }
            foreach (var (start, count) in CanonicalTreeSum.CompleteSubtrees(Shards, first, end - first)) { nodes.Add(new GradientNode(start, count, plan.SiloOfShard(first))); }
            first = end;
        }

        return nodes.ToImmutable();
    }

    /// <summary>A silo that holds something of the job.</summary>
    private sealed record Member(MemberPlace Place)
    {
        public int Lanes { get; init; } = 1;

        /// <summary>Kind and model, as the silo says.</summary>
        public string Device { get; init; } = "";

        public NumericFingerprint? Fingerprint { get; init; }

        public bool Computes { get; init; }
    }
}
