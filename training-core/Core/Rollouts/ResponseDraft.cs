namespace Ctwa.Training.Rollouts;

/// <summary>A response while it grows.</summary>
internal sealed class ResponseDraft(EncodedPrompt prompt, int sample)
{
    private readonly List<int> _tokens = [];
    private readonly List<float> _logProbabilities = [];

    public EncodedPrompt Prompt { get; } = prompt;

    public int Sample { get; } = sample;

    public bool Stopped { get; private set; }

    public int Last => _tokens[^1];

    public void Add(int token, float logProbability, IReadOnlyList<int> stopTokens)
    {
        _tokens.Add(token);
        _logProbabilities.Add(logProbability);
        for (int i = 0; i < stopTokens.Count; i++) { Stopped |= stopTokens[i] == token; }
    }

    public Completion Finish() => new(Prompt, Sample, [.. _tokens], [.. _logProbabilities], Stopped);
}
