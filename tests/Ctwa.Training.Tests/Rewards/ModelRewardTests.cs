using System.Text.Json.Nodes;
using Ctwa.TestKit;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Datasets;
using Ctwa.Training.Rewards.Classifiers;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Rewards;

/// <summary>Sequence-classification models as rewards.</summary>
public sealed class ModelRewardTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-classifier-").FullName;

    /// <summary>
    /// A head made of three rows of a golden model's output matrix: its numbers must be those three logits of Hugging Face's
    /// code at each text's last token.
    /// </summary>
    [Theory, Trait("Category", GoldenFolder.Category)]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void Numbers_are_those_of_the_reference_decoder_at_the_last_token(string name)
    {
        using var golden = GoldenModel.Open(name);
        int[] rows = [3, 77, 500];
        using (var scope = NewDisposeScope())
        {
            var output = golden.View(golden.Memory.Weights, golden.Config.TieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
            var head = output.index_select(0, tensor(rows.Select(row => (long)row).ToArray()));
            SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"),
                golden.Layout.Entries.Where(entry => entry.Name != "lm_head.weight").Select(entry => (entry.Name, golden.View(golden.Memory.Weights, entry.Name))).Append((RewardModelFolder.Head, head)), flushToDisk: false);
        }

        WriteConfig(golden.Config, config => config["id2label"] = new JsonObject { ["0"] = "a", ["1"] = "b", ["2"] = "c" });
        var folder = RewardModelFolder.Read(_folder);
        Assert.Equal(["a", "b", "c"], folder.Labels);
        using var classifier = new SequenceClassifier(folder, CPU);

        using var noGrad = no_grad();
        using var compared = NewDisposeScope();
        long[] ids = golden.Tensor("a.input_ids").data<long>().ToArray();
        float[] logits = golden.Tensor("a.logits").data<float>().ToArray();
        int count = 2, width = ids.Length / count, vocabulary = logits.Length / ids.Length;
        // Every prefix of every row is a text of its own.
        var texts = Enumerable.Range(0, count).SelectMany(row => Enumerable.Range(1, width).Select(length => (Row: row, Length: length))).ToList();
        var scores = classifier.Score([.. texts.Select(text => ids[(text.Row * width)..((text.Row * width) + text.Length)].Select(id => (int)id).ToArray())], batchTokens: 50);
        for (int i = 0; i < texts.Count; i++)
        {
            for (int k = 0; k < rows.Length; k++) { Assert.Equal(logits[((((texts[i].Row * width) + texts[i].Length - 1) * vocabulary) + rows[k])], scores[i][k], 1e-4f); }
        }
    }

    [Fact]
    public async Task One_label_is_scaled_and_squashed_and_padding_and_order_change_nothing_but_rounding()
    {
        WriteTiny(labels: 2);
        string[] responses = ["1+1", "12", "7-3+2=6", "4", "9-9"];
        var plain = await Model(new ModelRewardSpec { Path = _folder, Label = 1 }).ScoreAsync(responses);
        Assert.All(plain, reply => Assert.Null(reply.Failure));
        Assert.Equal(5, plain.Numbers().Distinct().Count());

        var alone = await Model(new ModelRewardSpec { Path = _folder, Label = 1, BatchTokens = 1 }).ScoreAsync(responses);
        Assert.All(plain.Numbers().Zip(alone.Numbers()), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        var reversed = await Model(new ModelRewardSpec { Path = _folder, Label = 1 }).ScoreAsync([.. responses.Reverse()]);
        Assert.NotEqual(plain.Numbers(), reversed.Numbers());

        var other = await Model(new ModelRewardSpec { Path = _folder, Label = 0 }).ScoreAsync(responses);
        Assert.NotEqual(plain.Numbers()[0], other.Numbers()[0], 1e-6);
        var squashed = await Model(new ModelRewardSpec { Path = _folder, Label = 1, Activation = ScoreActivation.Sigmoid, Scale = 2, Offset = -1 }).ScoreAsync(responses);
        Assert.All(plain.Numbers().Zip(squashed.Numbers()), pair => Assert.Equal((2 / (1 + Math.Exp(-pair.First))) - 1, pair.Second, 1e-12));
    }

    [Fact]
    public async Task Equal_calls_give_equal_bits()
    {
        WriteTiny(labels: 1);
        string[] responses = [.. Enumerable.Range(0, 30).Select(i => string.Concat(Enumerable.Repeat("1+", i % 7)) + "2")];
        Assert.Equal((await Model(new ModelRewardSpec { Path = _folder, BatchTokens = 64 }).ScoreAsync(responses)).Numbers(), (await Model(new ModelRewardSpec { Path = _folder, BatchTokens = 64 }).ScoreAsync(responses)).Numbers());
    }

    [Fact]
    public async Task Texts_that_do_not_fit_are_failures_of_their_own()
    {
        WriteTiny(labels: 1);
        var replies = await Model(new ModelRewardSpec { Path = _folder, MaxTokens = 4, Template = "{response}" }).ScoreAsync("1", "1+1+1+1", "");
        Assert.Null(replies[0].Failure);
        Assert.Contains("has 7 tokens, more than max_tokens 4", replies[1].Failure, StringComparison.Ordinal);
        Assert.Contains("is empty", replies[2].Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_is_filled_once()
    {
        var template = new RewardTemplate(new ModelRewardSpec { Path = "", Template = @"Q: {prompt}\nA\\n: {response} {prompt}" });
        Assert.Equal("Q: {response}\nA\\n: r {response}", template.Render(new ScoredCompletion("{response}", "r", 1, "")));
    }

    [Fact]
    public async Task The_folders_chat_template_writes_the_conversation()
    {
        WriteTiny(labels: 1);
        Assert.Contains("has no chat template", Assert.Throws<InvalidDataException>(() => Model(new ModelRewardSpec { Path = _folder, Chat = true })).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_folder, "chat_template.jinja"), "{% for m in messages %}{{ m.role[0] }}={{ m.content }};{% if m.content == '13' %}{{ raise_exception('no') }}{% endif %}{% endfor %}");
        Assert.Equal("u=p;a=r;", new RewardTemplate(new ModelRewardSpec { Path = _folder, Chat = true }).Render(new ScoredCompletion("p", "r", 1, "")));
        var replies = await Model(new ModelRewardSpec { Path = _folder, Chat = true }).ScoreAsync([new ScoredCompletion("1+1", "2", 1, ""), new ScoredCompletion("1+1", "13", 1, "")], default, TestContext.Current.CancellationToken);
        Assert.Null(replies[0].Failure);
        Assert.Contains("no", replies[1].Failure, StringComparison.Ordinal);
        var written = await Model(new ModelRewardSpec { Path = _folder, Template = "u={prompt};a={response};" }).ScoreAsync([new ScoredCompletion("1+1", "2", 1, "")], default, TestContext.Current.CancellationToken);
        Assert.Equal(written[0].Outputs, replies[0].Outputs, (a, b) => Math.Abs(a.Value - b.Value) < 1e-5);
    }

    [Fact]
    public void The_value_is_read_before_trailing_padding_tokens()
    {
        WriteTiny(labels: 1, config => config["pad_token_id"] = 5);
        using var model = new SequenceClassifier(RewardModelFolder.Read(_folder), CPU);
        var scores = model.Score([[3, 4], [3, 4, 5], [3, 4, 5, 5], [5]], batchTokens: 1);
        Assert.Equal(scores[0][0], scores[1][0], 1e-5f);
        Assert.Equal(scores[0][0], scores[2][0], 1e-5f);
    }

    [Fact]
    public void A_folder_that_does_not_fit_is_refused_with_everything_that_is_wrong()
    {
        WriteTiny(labels: 2, config => config["id2label"] = new JsonObject { ["0"] = "a", ["1"] = "b", ["2"] = "c" });
        Assert.Contains("tensor 'score.weight' has shape [2, 16]; config.json calls for [3, 16]", Assert.Throws<InvalidDataException>(() => RewardModelFolder.Read(_folder)).Message, StringComparison.Ordinal);
        WriteTiny(labels: 2, config => config["architectures"] = new JsonArray("Qwen2ForCausalLM"));
        Assert.Contains("architectures is Qwen2ForCausalLM; a reward model is one of", Assert.Throws<InvalidDataException>(() => RewardModelFolder.Read(_folder)).Message, StringComparison.Ordinal);
        WriteTiny(labels: 2, config => config["id2label"] = new JsonObject { ["0"] = "a", ["2"] = "c" });
        Assert.Contains("id2label has 2 entries that do not number labels from 0", Assert.Throws<InvalidDataException>(() => RewardModelFolder.Read(_folder)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static IRewardModel Model(ModelRewardSpec spec) => RewardModels.Open(spec);

    private void WriteTiny(int labels, Action<JsonObject>? change = null) => ClassifierFolder.Write(_folder, labels, change);

    private void WriteConfig(ModelConfig config, Action<JsonObject> change) => ClassifierFolder.WriteConfig(_folder, config, change);
}
