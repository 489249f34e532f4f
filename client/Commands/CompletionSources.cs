using System.CommandLine.Completions;
using Ctwa.Client.Contexts;
using Ctwa.Client.Jobs;

namespace Ctwa.Client.Commands;

/// <summary>What a shell offers besides verbs and options. Nobody is asked over the network: completion must not wait.</summary>
internal static class CompletionSources
{
    /// <summary>The user's contexts.</summary>
    public static IEnumerable<CompletionItem> Contexts()
    {
        try { return [.. (ContextFile.Find(Environment.GetEnvironmentVariable)?.Load() ?? new ContextBook()).Contexts.Select(one => new CompletionItem(one.Key, detail: one.Value.Where))]; }
        catch (CommandFailure) { return []; }
    }

    /// <summary>Jobs that commands of this user have shown lately.</summary>
    public static IEnumerable<CompletionItem> Jobs() => [.. (RememberedJobs.Find(Environment.GetEnvironmentVariable)?.Load() ?? []).Select(id => new CompletionItem(id))];
}
