using System.Security.Cryptography;
using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.Grains.Jobs.Access;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs.Access;

public sealed class TokenTableTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-tokens-").FullName;

    public static string Entry(string name, string role, string token) =>
        $$"""{"name":"{{name}}","role":"{{role}}","sha256":"{{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)))}}"}""";

    public static string Text(params string[] entries) => $$"""{"tokens":[{{string.Join(',', entries)}}]}""";

    [Fact]
    public void A_token_is_found_by_its_hash_and_nothing_else_is()
    {
        var table = Parse(Text(Entry("alice", "submit", "secret-a"), Entry("root", "admin", "secret-b"), Entry("tv", "read", "secret-c")));
        Assert.Equal(new GridCaller("alice", GridRole.Submit), table.Find("secret-a"));
        Assert.Equal(new GridCaller("root", GridRole.Admin), table.Find("secret-b"));
        Assert.Equal(new GridCaller("tv", GridRole.Read), table.Find("secret-c"));
        // The hash itself is no token: who reads the file has none.
        string hash = Convert.ToHexStringLower(SHA256.HashData("secret-a"u8));
        foreach (string other in (string[])["", "secret-", "secret-aa", "SECRET-A", hash, new string('x', 1 << 20)]) { Assert.Null(table.Find(other)); }
        Assert.Null(Parse(Text()).Find("secret-a"));
    }

    [Theory]
    [InlineData("{", "tokens.json(1,2): is not JSON")]
    [InlineData("[]", "expected is {\"tokens\": [...]} and nothing else")]
    [InlineData("""{"tokens":[],"users":[]}""", "expected is {\"tokens\": [...]} and nothing else")]
    [InlineData("""{"tokens":[1]}""", "tokens[0] is Number; expected is an object with name, role and sha256.")]
    [InlineData("""{"tokens":[{"name":"a","role":"admin"}]}""", "tokens[0].sha256 is missing or no text.")]
    [InlineData("""{"tokens":[{"name":"a","role":"owner","sha256":""}]}""", "tokens[0].role is 'owner'; accepted are read, submit and admin.")]
    [InlineData("""{"tokens":[{"name":"a b","role":"read","sha256":""}]}""", "tokens[0].name is 'a b'")]
    [InlineData("""{"tokens":[{"name":"a","role":"read","sha256":"12"}]}""", "tokens[0].sha256 has 2 characters")]
    [InlineData("""{"tokens":[{"name":"a","role":"read","sha256":"","token":"x"}]}""", "tokens[0] has the key 'token'; known are name, role and sha256.")]
    public void What_is_wrong_is_named_with_its_place(string text, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_token_that_stands_twice_is_refused() =>
        Assert.Contains("tokens[1].sha256 stands twice", Assert.Throws<InvalidDataException>(() => Parse(Text(Entry("a", "read", "x"), Entry("b", "admin", "x")))).Message, StringComparison.Ordinal);

    [Fact]
    public void Ten_thousand_damaged_files_are_read_or_refused_by_name_and_never_let_a_stranger_in()
    {
        byte[] sound = Encoding.UTF8.GetBytes(Text(Entry("alice", "submit", "a"), Entry("root", "admin", "b")));
        byte[] alphabet = Encoding.UTF8.GetBytes("{}[]\",:\\0u9a-+ée\n/*");
        ulong random = 1;
        int Next(int limit) => (int)((random = (random * 6364136223846793005) + 1442695040888963407) >> 33) % limit;
        for (int i = 0; i < 10_000; i++)
        {
            var bytes = sound.ToList();
            for (int change = Next(4) + 1; change > 0; change--)
            {
                int at = Next(bytes.Count);
                switch (Next(4))
                {
                    case 0: bytes[at] = (byte)Next(256); break;
                    case 1: bytes.Insert(at, alphabet[Next(alphabet.Length)]); break;
                    case 2: bytes.RemoveRange(at, Math.Min(Next(20), bytes.Count - at - 1)); break;
                    default: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(Next(80), bytes.Count - at))); break;
                }
            }

            try
            {
                var table = TokenTable.Parse("tokens.json", bytes.ToArray());
                Assert.Null(table.Find("stranger"));
            }
            catch (InvalidDataException refused)
            {
                Assert.StartsWith("tokens.json", refused.Message, StringComparison.Ordinal);
                Assert.InRange(refused.Message.Length, 1, 1000);
            }
        }
    }

    [Fact]
    public void A_changed_file_counts_within_seconds_and_a_broken_one_changes_nothing()
    {
        string path = Path.Combine(_folder, "tokens.json");
        var clock = new Clock();
        Write(path, Text(Entry("alice", "submit", "a")));
        var file = new TokenFile(new GridTokensFile(path), clock, NullLogger<TokenFile>.Instance);
        Assert.NotNull(file.Find("a"));
        Write(path, "{");
        clock.Seconds += 3;
        Assert.NotNull(file.Find("a"));
        Write(path, Text(Entry("bob", "read", "b"), Entry("carol", "read", "c")));
        clock.Seconds += 3;
        Assert.Null(file.Find("a"));
        Assert.Equal("bob", file.Find("b")!.Name);
        File.Delete(path);
        clock.Seconds += 3;
        Assert.NotNull(file.Find("b"));
    }

    [Fact]
    public void A_file_that_Kubernetes_mounts_counts_when_what_its_links_lead_to_changes()
    {
        // tokens.json -> ..data/tokens.json and ..data -> a folder that is replaced as a whole; the texts are of one length.
        void Mount(string version, string text)
        {
            Write(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, version)).FullName, "tokens.json"), text);
            File.Delete(Path.Combine(_folder, "..data"));
            File.CreateSymbolicLink(Path.Combine(_folder, "..data"), version);
        }

        string path = Path.Combine(_folder, "tokens.json");
        var clock = new Clock();
        Mount("..1", Text(Entry("alice", "submit", "a")));
        File.CreateSymbolicLink(path, "..data/tokens.json");
        var file = new TokenFile(new GridTokensFile(path), clock, NullLogger<TokenFile>.Instance);
        Assert.NotNull(file.Find("a"));
        Mount("..2", Text(Entry("carol", "submit", "c")));
        clock.Seconds += 3;
        Assert.Null(file.Find("a"));
        Assert.Equal("carol", file.Find("c")!.Name);
    }

    [Fact]
    public void A_file_that_is_too_long_is_not_read()
    {
        string path = Path.Combine(_folder, "long.json");
        using (var stream = File.Create(path)) { stream.SetLength(1L << 30); }
        Assert.Contains("accepted are at most 1048576", Assert.Throws<InvalidDataException>(() => TokenTable.Read(path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static TokenTable Parse(string text) => TokenTable.Parse("tokens.json", Encoding.UTF8.GetBytes(text));

    private static void Write(string path, string text)
    {
        File.WriteAllText(path, text);
        // Files written within one tick of the file system's clock must still differ.
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddSeconds(text.Length));
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
