using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>A method ready to run and what to say about it at the start of a run.</summary>
/// <param name="Scalarizer">The method.</param>
/// <param name="Warnings">Complete sentences for the log; empty if there is nothing to warn about.</param>
public sealed record ScalarizerSetup(IScalarizer Scalarizer, IReadOnlyList<string> Warnings)
{
    /// <summary>A method without warnings.</summary>
    public static ScalarizerSetup Of(IScalarizer scalarizer) => new(scalarizer, []);

    /// <summary>A method in reference mode, with the warning that it owes its user.</summary>
    /// <param name="method">Name in the job file.</param>
    /// <param name="defects">The reference's defects that it repeats, as a list in words.</param>
    public static ScalarizerSetup Reference(IScalarizer scalarizer, string method, string defects) =>
        new(scalarizer, [$"scalarizer '{method}' runs in mode: reference, which repeats the reference implementation's defects ({defects}); use it only to compare with that implementation."]);
}

/// <summary>Methods by their options. A new method is one class, one options record and one line here.</summary>
public static class ScalarizerRegistry
{
    private static readonly Dictionary<Type, Func<ScalarizerSpec, IReadOnlyList<ObjectiveSpec>, ScalarizerSetup>> methods = new()
    {
        [typeof(AlignedMtlScalarizerSpec)] = Line<AlignedMtlScalarizerSpec>(AlignedMtlScalarizer.Create),
        [typeof(CAGradScalarizerSpec)] = Line<CAGradScalarizerSpec>(CAGradScalarizer.Create),
        [typeof(CtwaScalarizerSpec)] = Line<CtwaScalarizerSpec>(CtwaScalarizer.Create),
        [typeof(DvaoScalarizerSpec)] = Line<DvaoScalarizerSpec>(DvaoScalarizer.Create),
        [typeof(DynamicScalarizerSpec)] = Line<DynamicScalarizerSpec>(DynamicScalarizer.Create),
        [typeof(FamoScalarizerSpec)] = Line<FamoScalarizerSpec>(FamoScalarizer.Create),
        [typeof(GdpoScalarizerSpec)] = Line<GdpoScalarizerSpec>(GdpoScalarizer.Create),
        [typeof(GradNormScalarizerSpec)] = Line<GradNormScalarizerSpec>(GradNormScalarizer.Create),
        [typeof(HypervolumeScalarizerSpec)] = Line<HypervolumeScalarizerSpec>(HypervolumeScalarizer.Create),
        [typeof(ImtlGScalarizerSpec)] = Line<ImtlGScalarizerSpec>(ImtlGScalarizer.Create),
        [typeof(LagrangianScalarizerSpec)] = Line<LagrangianScalarizerSpec>(LagrangianScalarizer.Create),
        [typeof(LinearScalarizerSpec)] = Line<LinearScalarizerSpec>(LinearScalarizer.Create),
        [typeof(MgdaScalarizerSpec)] = Line<MgdaScalarizerSpec>(MgdaScalarizer.Create),
        [typeof(NashMtlScalarizerSpec)] = Line<NashMtlScalarizerSpec>(NashMtlScalarizer.Create),
        [typeof(PamaScalarizerSpec)] = Line<PamaScalarizerSpec>(PamaScalarizer.Create),
        [typeof(PCGradScalarizerSpec)] = Line<PCGradScalarizerSpec>(PCGradScalarizer.Create),
        [typeof(RvpoScalarizerSpec)] = Line<RvpoScalarizerSpec>(RvpoScalarizer.Create),
        [typeof(StchScalarizerSpec)] = Line<StchScalarizerSpec>(StchScalarizer.Create),
        [typeof(TchebycheffScalarizerSpec)] = Line<TchebycheffScalarizerSpec>(TchebycheffScalarizer.Create),
        [typeof(UPGradScalarizerSpec)] = Line<UPGradScalarizerSpec>(UPGradScalarizer.Create),
    };

    /// <summary>The method that the options describe.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    /// <exception cref="NotSupportedException">This build has no method for these options.</exception>
    public static ScalarizerSetup Create(ScalarizerSpec spec, IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (objectives.Count == 0) { throw new ArgumentException("a scalarization method needs at least one objective; the job has none.", nameof(objectives)); }
        return methods.TryGetValue(spec.GetType(), out var create)
            ? create(spec, objectives)
            : throw new NotSupportedException($"no method is registered for '{spec.MethodName()}'; this build has {string.Join(", ", methods.Keys.Select(ScalarizationMethodAttribute.Of).Order(StringComparer.Ordinal))}.");
    }

    private static Func<ScalarizerSpec, IReadOnlyList<ObjectiveSpec>, ScalarizerSetup> Line<TSpec>(Func<TSpec, IReadOnlyList<ObjectiveSpec>, ScalarizerSetup> create)
        where TSpec : ScalarizerSpec => (spec, objectives) => create((TSpec)spec, objectives);
}
