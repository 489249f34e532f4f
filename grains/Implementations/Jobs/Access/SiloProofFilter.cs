using Orleans.Runtime;

namespace Ctwa.Grains.Jobs.Access;

/// <summary>Marks every call that a silo makes, except those to clients (streams and observers).</summary>
internal sealed class SiloProofFilter(SiloProof proof) : IOutgoingGrainCallFilter
{
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        // The hosted clients of silos are clients by name too; they need no proof to be called.
        if (context.TargetId.IsClient()) { RequestContext.Remove(SiloProof.Header); }
        else { proof.Add(); }
        await context.Invoke();
    }
}
