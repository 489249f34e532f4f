using Ctwa.Bench.Tokenization;
using Xunit;

namespace Ctwa.Training.Tests.Bench;

public sealed class BenchTextsTests
{
    [Fact]
    public void Every_string_of_a_document_is_a_text_but_for_what_repeats_another()
    {
        const string Json = """[{"text": "one", "category": "no", "decoded": "no", "inner": {"list": ["two", 3, null, "drei ü"]}}, "four"]""";
        Assert.Equal(["one", "two", "drei ü", "four"], BenchTexts.Strings(Json));
    }

    [Fact]
    public void A_folder_gives_its_files_in_order_and_what_is_not_text_gives_nothing()
    {
        string folder = Directory.CreateTempSubdirectory("ctwa-bench-texts-").FullName;
        File.WriteAllText(Path.Combine(folder, "b.txt"), "whole\nfile");
        File.WriteAllText(Path.Combine(folder, "a.jsonl"), "{\"x\": \"first\"}\n\n{\"x\": \"second\"}\n");
        File.WriteAllText(Path.Combine(folder, "c.bin"), "no");
        Assert.Equal(["first", "second", "whole\nfile"], BenchTexts.Of(folder));
        Assert.Empty(BenchTexts.Of(Path.Combine(folder, "nothing")));
        Directory.Delete(folder, recursive: true);
    }
}
