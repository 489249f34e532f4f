using System.Diagnostics;
using Ctwa.Client.Commands;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Orleans.Runtime;

namespace Ctwa.Client.Grid;

/// <summary>A command's dealings with a grid: connects, shows the token, and turns what goes wrong into exit codes and words.</summary>
internal sealed class GridAccess(IGridConnector connector, GridTarget target, Deadlines deadlines)
{
    public PatientCalls Calls { get; } = new(deadlines);

    public Deadlines Deadlines => deadlines;

    /// <summary>The grid that is spoken to; its text has no secret.</summary>
    public GridTarget Target => target;

    /// <summary>With Orleans.</summary>
    public static GridAccess To(GridTarget target)
    {
        var deadlines = new Deadlines();
        return new GridAccess(new OrleansConnector(deadlines, client => Configure(client, target.Token)), target, deadlines);
    }

    /// <summary>Streams of events, and the token on every call.</summary>
    public static void Configure(IClientBuilder client, string? token)
    {
        client.AddMemoryStreams(JobStreams.Provider);
        if (token is not null)
        {
            client.AddOutgoingGrainCallFilter(context =>
            {
                RequestContext.Set(GridHeaders.Token, token);
                return context.Invoke();
            });
        }
    }

    /// <exception cref="CommandFailure">No silo answers, or the grid refuses.</exception>
    public async Task<T> UseAsync<T>(Func<IGridConnection, Task<T>> act, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await ConnectAsync(cancellationToken);
            return await act(connection);
        }
        catch (GridUnreachableException e)
        {
            throw new CommandFailure(ExitCodes.SiloLost, FormattableString.Invariant($"the grid at {target} has not answered for {e.Waited.TotalSeconds:0} s ({e.Cause}). Check the address and the name of the cluster, and that a silo runs; jobs of the grid are not affected."));
        }
        catch (GridAccessException e)
        {
            throw new CommandFailure(ExitCodes.AccessDenied, e.Message);
        }
    }

    /// <summary>What the grid remembers of a job.</summary>
    /// <exception cref="CommandFailure">It does not know the job, does not answer, or refuses.</exception>
    public Task<JobRecord> JobAsync(string jobId, CancellationToken cancellationToken) => UseAsync(
        async connection =>
        {
            var grid = connection.Grain<IGridGrain>(IGridGrain.Key);
            return await Calls.CallAsync(token => grid.Get(jobId, token), cancellationToken) ?? throw Unknown(jobId);
        },
        cancellationToken);

    /// <summary>The message about an id that no job has.</summary>
    public static CommandFailure Unknown(string jobId) => new(ExitCodes.BadInput, $"there is no job '{jobId}' on this grid; ctwa jobs lists them.");

    /// <summary>A change of a job.</summary>
    public Task DoAsync(Func<IGridGrain, CancellationToken, Task<JobFailure?>> act, CancellationToken cancellationToken) => UseAsync(
        async connection =>
        {
            var grid = connection.Grain<IGridGrain>(IGridGrain.Key);
            if (await Calls.CallAsync(token => act(grid, token), cancellationToken) is { } refused) { throw new CommandFailure(ExitCodes.Of(refused.Kind), refused.Message); }
            return true;
        },
        cancellationToken);

    private async Task<IGridConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(deadlines.Connect);
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            Exception cause;
            // Orleans does not always hear the token: whoever waits must not hang with it.
            try { return await connector.ConnectAsync(target.Address, patience.Token).WaitAsync(deadlines.Connect, patience.Token); }
            catch (Exception e) when (e is not CommandFailure && !cancellationToken.IsCancellationRequested) { cause = e; }

            if (patience.IsCancellationRequested || Stopwatch.GetElapsedTime(start) > deadlines.Connect)
            {
                throw new GridUnreachableException(Stopwatch.GetElapsedTime(start), cause is OperationCanceledException ? new TimeoutException("no connection to a gateway") : cause);
            }

            await Task.Delay(deadlines.RetryDelay, cancellationToken);
        }
    }
}
