using System.Text.RegularExpressions;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards.Classifiers;

/// <summary>The text that a reward model reads of a completion.</summary>
internal sealed partial class RewardTemplate(ModelRewardSpec spec)
{
    // Cut once: a prompt that contains "{response}" stays as it is.
    private readonly string[] _parts = [.. Places().Split(spec.Template).Select(part => Escape().Replace(part, match => match.Value switch { @"\n" => "\n", @"\t" => "\t", _ => @"\" }))];

    public string Render(in ScoredCompletion completion)
    {
        var (prompt, response) = (completion.Prompt, completion.Response);
        return string.Concat(_parts.Select(part => part switch { "{prompt}" => prompt, "{response}" => response, _ => part }));
    }

    [GeneratedRegex(@"\\[nt\\]", RegexOptions.CultureInvariant)]
    private static partial Regex Escape();

    [GeneratedRegex(@"(\{prompt\}|\{response\})", RegexOptions.CultureInvariant)]
    private static partial Regex Places();
}
