using System.Collections.Concurrent;
using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Ctwa.Grains.Jobs.Access;

/// <summary>Stands before every grain of a silo that has a file of tokens: silos pass, clients need a token with the right role.</summary>
internal sealed class GridGuardFilter(SiloProof proof, TokenFile tokens, ILogger<GridGuardFilter> logger) : IIncomingGrainCallFilter
{
    // Who is refused all the time must not fill memory or log.
    private const int MostRemembered = 10_000;

    private readonly ConcurrentDictionary<(string Client, string Reason), bool> _told = new();

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        if (proof.IsPresent || IsTimer(context.Request))
        {
            await context.Invoke();
            return;
        }

        string? token = RequestContext.Get(GridHeaders.Token) as string;
        // Neither the token nor what a client claims to be goes further.
        RequestContext.Remove(GridHeaders.Token);
        RequestContext.Remove(SiloProof.Header);
        RequestContext.Remove(GridCaller.Header);
        var type = context.InterfaceMethod?.DeclaringType;
        // Calls to a client's own objects inside this silo arrive here without a proof.
        if (!context.TargetId.IsClient() && !(type is not null && GridPermissions.IsOpenToAll(type)))
        {
            var caller = tokens.Find(token);
            string? refusal = token is null ? "no token was given; set CTWA_TOKEN to one of this grid"
                : caller is null ? "the token is not one of this grid; ask its administrator for one"
                : type is null || GridPermissions.Needed(type, context.MethodName) is not { } needed ? $"clients may not call {type?.Name ?? context.InterfaceName}.{context.MethodName}; jobs are submitted to the grid"
                : caller.Role < needed ? FormattableString.Invariant($"'{caller.Name}' has the role {Word(caller.Role)}, and this needs {Word(needed)}")
                : null;
            if (refusal is not null)
            {
                Tell(context, caller, refusal);
                throw new GridAccessException($"refused: {refusal}.");
            }

            RequestContext.Set(GridCaller.Header, caller!);
        }

        await context.Invoke();
    }

    /// <summary>A grain's own timer: such a request has no form in which it could come over a connection.</summary>
    private static bool IsTimer(Orleans.Serialization.Invocation.IInvokable request) =>
        request.GetType() is { IsNested: true, DeclaringType.FullName: "Orleans.Runtime.GrainTimer" } type && type.Assembly.GetName().Name == "Orleans.Runtime";

    private static string Word(GridRole role) => role.ToString().ToLowerInvariant();

    /// <summary>Once per client and reason. The token is in neither.</summary>
    private void Tell(IIncomingGrainCallContext context, GridCaller? caller, string refusal)
    {
        string client = caller?.Name ?? context.SourceId?.ToString() ?? "unknown";
        if (_told.Count < MostRemembered && _told.TryAdd((client, refusal), true)) { logger.LogWarning("refused a call of {Client} to {Grain}.{Method}: {Reason}", client, context.InterfaceMethod?.DeclaringType?.Name, context.MethodName, refusal); }
    }
}
