using System.Collections.Frozen;
using System.Text.Json.Serialization.Metadata;

namespace Ctwa.Training.Specification;

/// <summary>All keys that a job file may have, with the places where they belong.</summary>
internal static class JobKeys
{
    private static readonly FrozenDictionary<string, string[]> paths = Collect();

    /// <summary>The dotted paths of a key, such as <c>optimizer.learning_rate</c>; a list's entry is <c>[]</c>.</summary>
    public static IReadOnlyList<string> PathsOf(string key) => paths.GetValueOrDefault(key, []);

    private static FrozenDictionary<string, string[]> Collect()
    {
        var found = new Dictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        void Walk(Type type, string path)
        {
            type = Nullable.GetUnderlyingType(type) ?? type;
            var info = JobSpecJson.Options.GetTypeInfo(type);
            if (info.Kind == JsonTypeInfoKind.Enumerable) { Walk(info.ElementType!, path + "[]"); }
            if (info.Kind != JsonTypeInfoKind.Object) { return; }
            foreach (var derived in info.PolymorphismOptions?.DerivedTypes ?? []) { Walk(derived.DerivedType, path); }
            foreach (var property in info.Properties)
            {
                string below = JobPath.Join(path, property.Name);
                if (!found.TryGetValue(property.Name, out var places)) { found[property.Name] = places = new SortedSet<string>(StringComparer.Ordinal); }
                if (places.Add(below)) { Walk(property.PropertyType, below); }
            }
        }

        Walk(typeof(JobSpec), "");
        // Shortest first: optimizer.learning_rate before warm_start.optimizer.learning_rate.
        return found.ToFrozenDictionary(f => f.Key, f => f.Value.OrderBy(p => p.Count(c => c == '.')).ThenBy(p => p, StringComparer.Ordinal).ToArray(), StringComparer.Ordinal);
    }
}
