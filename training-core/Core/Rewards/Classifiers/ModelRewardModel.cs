using System.Collections.Immutable;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization;
using Ctwa.Training.Tokenization.Chat;

namespace Ctwa.Training.Rewards.Classifiers;

/// <summary>Scores from a sequence-classification model on a compute lane of its own. Loaded when it is first asked; it has no retries, since it says the same again.</summary>
internal sealed class ModelRewardModel(RewardSource source, ModelRewardSpec spec, RewardServices services) : IRewardModel
{
    private readonly RewardModelFolder _folder = RewardModelFolder.Read(spec.Path);
    private readonly HuggingFaceTokenizer _tokenizer = HuggingFaceTokenizer.Load(Path.Combine(spec.Path, "tokenizer.json"));
    private readonly RewardTemplate _template = new(spec);
    private SequenceClassifier? _model;

    /// <inheritdoc/>
    public async Task<RewardReply[]> ScoreAsync(IReadOnlyList<ScoredCompletion> items, RewardContext context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return await services.Lane.RunAsync(() => Score(items)).WaitAsync(cancellationToken);
    }

    public void Dispose() => services.Lane.RunAsync(() =>
    {
        _model?.Dispose();
        return true;
    }).Wait(TimeSpan.FromSeconds(30));

    private RewardReply[] Score(IReadOnlyList<ScoredCompletion> items)
    {
        var replies = new RewardReply[items.Count];
        var texts = new List<(int Row, int[] Ids)>();
        for (int row = 0; row < items.Count; row++)
        {
            try
            {
                int[] ids = _tokenizer.Encode(_template.Render(items[row]));
                if (ids.Length == 0) { replies[row] = RewardReply.Failed($"{source.Name}: the text for the reward model is empty"); }
                else if (ids.Length > spec.MaxTokens) { replies[row] = RewardReply.Failed(FormattableString.Invariant($"{source.Name}: the text for the reward model has {ids.Length} tokens, more than max_tokens {spec.MaxTokens}")); }
                else { texts.Add((row, ids)); }
            }
            catch (Exception error) when (error is UnencodableTextException or ChatTemplateException)
            {
                replies[row] = RewardReply.Failed($"{source.Name}: {error.Message.TrimEnd('.')}");
            }
        }

        _model ??= new SequenceClassifier(_folder, services.Device);
        float[][] scores = _model.Score([.. texts.Select(text => text.Ids)], spec.BatchTokens);
        for (int i = 0; i < texts.Count; i++) { replies[texts[i].Row] = RewardReply.Of(Outputs(scores[i])); }
        return replies;
    }

    // An objective of its own takes one label; a shared model gives all of them.
    private ImmutableArray<RewardOutput> Outputs(float[] values) => source.IsShared
        ? [.. values.Select((value, label) => new RewardOutput(_folder.Labels[label], Number(value)))]
        : [new RewardOutput(null, Number(values[spec.Label]))];

    private double Number(float value) => (spec.Scale * (spec.Activation == ScoreActivation.Sigmoid ? 1 / (1 + Math.Exp(-value)) : value)) + spec.Offset;
}
