using Ctwa.Grains.Abstractions;
using Orleans.Runtime;

namespace Ctwa.Grains.Jobs.Access;

/// <summary>Who called: set by the silo that checked the token, and by nobody else.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.GridCaller")]
internal sealed record GridCaller([property: Id(0)] string Name, [property: Id(1)] GridRole Role)
{
    /// <summary>Stands for whoever calls a grid without tokens.</summary>
    public const string LocalName = "local";

    /// <summary>In the request context; what a client puts there is removed.</summary>
    public const string Header = "ctwa-caller";

    /// <summary>The client behind the present call; null: the grid itself, or a grid without tokens.</summary>
    public static GridCaller? Current => RequestContext.Get(Header) as GridCaller;

    public bool MayActOn(JobRecord job) => Role == GridRole.Admin || job.SubmittedBy == Name;
}
