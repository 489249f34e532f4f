using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.TestKit;
using Ctwa.Training.Tokenization;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

/// <summary>The golden tokenizers: every folder below golden/decoder/tokenizer with a tokenizer*.json, and the cases beside it.</summary>
internal static class TokenizerGoldenFiles
{
    /// <summary>The added tokens of Qwen3 that Qwen2.5 does not have.</summary>
    private static readonly string[] OnlyInQwen3 = ["<tool_response>", "</tool_response>", "<think>", "</think>"];

    /// <summary>A tokenizer file and all encodings*.json and decodings*.json of its folder.</summary>
    public static IEnumerable<(string Tokenizer, string[] Encodings, string[] Decodings)> Tokenizers() =>
        from folder in Folders()
        from tokenizer in Files(folder, "tokenizer*.json").Where(file => !Path.GetFileName(file).StartsWith("tokenizer_config", StringComparison.Ordinal))
        select (tokenizer, Files(folder, "encodings*.json"), Files(folder, "decodings*.json"));

    /// <summary>A folder and its chat*.json.</summary>
    public static IEnumerable<(string Folder, string Cases)> Chats() => from folder in Folders() from cases in Files(folder, "chat*.json") select (folder, cases);

    public static List<JsonElement> Cases(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var cases = document.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone()).ToList();
        Assert.NotEmpty(cases);
        return cases;
    }

    public static int[] Ids(JsonElement c) => [.. c.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>A tokenizer of Qwen2.5 made from one of Qwen3: the same without four added tokens.</summary>
    public static HuggingFaceTokenizer Qwen25From(string qwen3)
    {
        var json = JsonNode.Parse(File.ReadAllBytes(qwen3))!;
        var added = json["added_tokens"]!.AsArray();
        foreach (var token in added.Where(token => OnlyInQwen3.Contains(token!["content"]!.GetValue<string>())).ToList()) { added.Remove(token); }
        string folder = Directory.CreateTempSubdirectory("ctwa-qwen2.5-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "tokenizer.json"), json.ToJsonString());
            return HuggingFaceTokenizer.Load(folder);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static List<string> Folders()
    {
        string root = Path.Combine(GoldenFolder.Require(), "decoder", "tokenizer");
        List<string> folders = [.. ((string[])[root, .. Directory.GetDirectories(root, "*", SearchOption.AllDirectories)]).Where(folder => Files(folder, "tokenizer*.json").Length > 0)];
        Assert.NotEmpty(folders);
        return folders;
    }

    private static string[] Files(string folder, string pattern) => [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)];
}
