using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Datasets;
using Ctwa.Training.Tokenization;
using Ctwa.Training.Tokenization.Chat;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization.Chat;

[Trait("Category", GoldenFolder.Category)]
public sealed class ChatTemplateGoldenTests
{
    [Fact]
    public void Conversations_give_the_reference_texts_and_ids()
    {
        int count = 0;
        foreach (var (folder, file) in TokenizerGoldenFiles.Chats())
        {
            var tokenizer = HuggingFaceTokenizer.Load(folder);
            var templates = new Dictionary<string, ChatTemplate>();
            foreach (var c in TokenizerGoldenFiles.Cases(file))
            {
                string name = c.GetProperty("template").GetString()!;
                if (!templates.TryGetValue(name, out var template))
                {
                    string path = Path.Combine(folder, $"chat_template_{name}.jinja");
                    templates[name] = template = ChatTemplate.Parse(File.ReadAllText(path), path);
                }

                string text = template.Render(c.GetProperty("messages"), c.GetProperty("add_generation_prompt").GetBoolean(), Options(c));
                Assert.Equal(c.GetProperty("text").GetString(), text);
                Assert.Equal(TokenizerGoldenFiles.Ids(c), tokenizer.Encode(text));
                count++;
            }
        }

        Assert.True(count >= 172, $"only {count} cases were found.");
    }

    [Fact]
    public void The_template_of_the_golden_tokenizer_folder_is_that_of_Qwen3()
    {
        string folder = TokenizerGoldenFiles.Chats().First().Folder;
        var template = ChatTemplate.Load(folder);

        Assert.NotNull(template);
        foreach (var c in TokenizerGoldenFiles.Cases(Path.Combine(folder, "chat.json")).Where(c => c.GetProperty("template").GetString() == "qwen3"))
        {
            ChatMessage[] messages = [.. c.GetProperty("messages").EnumerateArray().Select(message => new ChatMessage(message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!))];
            Assert.Equal(c.GetProperty("text").GetString(), template.Render(messages, c.GetProperty("add_generation_prompt").GetBoolean(), Options(c)));
        }
    }

    private static ChatTemplateOptions Options(JsonElement c) => new()
    {
        Tools = c.TryGetProperty("tools", out var tools) && tools.ValueKind == JsonValueKind.Array ? tools : null,
        Variables = c.TryGetProperty("enable_thinking", out var thinking) && thinking.ValueKind != JsonValueKind.Null ? new Dictionary<string, JsonElement> { ["enable_thinking"] = thinking } : [],
    };
}
