using System.ComponentModel;
using System.Reflection;
using System.Text.Json.Serialization;

namespace Ctwa.Training.Specification;

/// <summary>
/// Options of a scalarization method; <c>method</c> chooses it. A method's record derives from this one (or from
/// <see cref="GradientScalarizerSpec"/>), names itself with <see cref="ScalarizationMethodAttribute"/> and carries the rules over
/// its own keys: it is complete in its own file.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "method")]
public abstract record ScalarizerSpec
{
    [Description("corrected (default): the paper's meaning; reference: the reference implementation's arithmetic, defects included.")]
    public MethodMode Mode { get; init; } = MethodMode.Corrected;

    /// <summary>Name of the method in job files.</summary>
    public string MethodName() => ScalarizationMethodAttribute.Of(GetType());

    /// <summary>The method compares with a frozen copy of the policy, whether or not the loss has a KL term; for the memory estimate.</summary>
    public virtual bool ComparesWithReferencePolicy() => false;

    /// <summary>The method makes advantages of the scores itself, and <c>advantage</c> has no say.</summary>
    public virtual bool MakesItsOwnAdvantages() => false;

    /// <summary>What contradicts itself between the method's keys and the rest of the job; single values are right already.</summary>
    /// <param name="job">An RL job with these options.</param>
    public virtual IEnumerable<JobFinding> Check(JobSpec job) => [];
}

/// <summary>The name of a method in job files.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ScalarizationMethodAttribute(string name) : Attribute
{
    /// <summary>Lower case, words joined by '_'.</summary>
    public string Name => name;

    /// <summary>All options records with their names, in the order of the names.</summary>
    internal static IReadOnlyList<(Type Type, string Name)> All { get; } =
    [
        .. typeof(ScalarizerSpec).Assembly.GetTypes()
            .Select(type => (Type: type, type.GetCustomAttribute<ScalarizationMethodAttribute>()?.Name))
            .Where(entry => entry.Name is not null)
            .Select(entry => (entry.Type, entry.Name!))
            .OrderBy(entry => entry.Item2, StringComparer.Ordinal),
    ];

    /// <summary>Name of the method whose options record this is.</summary>
    /// <exception cref="NotSupportedException">The record does not carry the attribute.</exception>
    public static string Of(Type spec) => spec.GetCustomAttribute<ScalarizationMethodAttribute>()?.Name
        ?? throw new NotSupportedException($"{spec.Name} has no [ScalarizationMethod(name)].");
}
