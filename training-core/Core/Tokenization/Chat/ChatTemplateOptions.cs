using System.Text.Json;

namespace Ctwa.Training.Tokenization.Chat;

/// <summary>What a template may use besides the conversation.</summary>
public sealed record ChatTemplateOptions
{
    /// <summary>Variables by name, such as <c>enable_thinking</c>: any JSON value.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Functions that the model may call, as JSON schemas in a list; null: none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>
    /// The clock of <c>strftime_now</c>. Null: the function is undefined, so that a prompt depends on its conversation alone; Llama 3's templates
    /// then write a fixed date, as they do wherever the function is missing.
    /// </summary>
    public DateTimeOffset? Now { get; init; }
}
