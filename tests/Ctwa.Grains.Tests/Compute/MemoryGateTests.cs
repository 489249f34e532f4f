using Ctwa.Grains.Compute;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Grains.Tests.Compute;

public sealed class MemoryGateTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly MemoryGate _gate = new();

    [Fact]
    public async Task Closing_cancels_who_is_inside_waits_for_them_and_lets_nobody_in()
    {
        var pass = _gate.Enter();
        var closing = _gate.CloseAsync(s_patience);
        Assert.True(pass.Closing.IsCancellationRequested);
        Assert.Throws<ComputeLostException>(() => _gate.Enter());
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.False(closing.IsCompleted);
        pass.Dispose();
        pass.Dispose(); // Leaves once.
        await closing;
        Assert.Throws<ComputeLostException>(() => _gate.Enter());
        _gate.Open();
        using var next = _gate.Enter();
        Assert.False(next.Closing.IsCancellationRequested);
        Assert.True(pass.Closing.IsCancellationRequested); // What was given up does not come back.
    }

    [Fact]
    public async Task Somebody_who_does_not_leave_is_an_error_after_the_deadline_and_the_gate_is_open_again()
    {
        using var pass = _gate.Enter();
        await Assert.ThrowsAsync<ComputeLostException>(() => _gate.CloseAsync(TimeSpan.FromMilliseconds(50)));
        using var next = _gate.Enter();
        Assert.False(next.Closing.IsCancellationRequested);
    }

    [Fact]
    public async Task Two_changes_come_one_after_the_other()
    {
        await _gate.CloseAsync(s_patience);
        var second = _gate.CloseAsync(s_patience);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.False(second.IsCompleted);
        _gate.Open();
        await second;
        _gate.Open();
        _gate.Enter().Dispose();
    }

    public void Dispose() => _gate.Dispose();
}
