using System.CommandLine;
using Ctwa.Client.Commands;
using Ctwa.Client.Contexts;
using Ctwa.Client.Grid;
using Xunit;

namespace Ctwa.Client.Tests.Contexts;

/// <summary>Short names for grids: where they are kept, and which of several sources says where a grid is.</summary>
public sealed class ContextTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-contexts-").FullName;
    private readonly Dictionary<string, string> environment = [];

    public ContextTests() => environment["XDG_CONFIG_HOME"] = folder;

    private ContextFile ContextsFile => ContextFile.Find(environment.GetValueOrDefault)!;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_file_is_its_owners_alone_and_holds_no_secret()
    {
        Save(new ContextBook { Current = "prod", Contexts = { ["prod"] = new GridContext { Redis = "rediss://h/2", ClusterId = "p", TokenEnv = "PROD_TOKEN" } } });
        Assert.Equal(Path.Combine(folder, "ctwa", "contexts.json"), ContextsFile.FullPath);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ContextsFile.FullPath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(ContextsFile.FullPath)!));
        var read = ContextsFile.Load();
        Assert.Equal(("prod", "rediss://h/2", "PROD_TOKEN"), (read.Current, read.Contexts["prod"].Redis, read.Contexts["prod"].TokenEnv));
        // Replacing it leaves nothing beside it.
        Save(read);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(ContextsFile.FullPath)!));
    }

    [Theory]
    [InlineData("{", "cannot be used")]
    [InlineData("null", "it is empty")]
    [InlineData("""{"version": 2}""", "its version is 2")]
    [InlineData("""{"version": 1, "contexts": {"a": {"tokne_env": "X"}}}""", "tokne_env")]
    [InlineData("""{"version": 1, "contexts": {"a": null}}""", "a context 'a'")]
    [InlineData("""{"version": 1, "contexts": {"a\u001b[2J": {}}}""", "accepted are names of up to 64 letters")]
    public void A_damaged_file_is_told_and_named(string text, string message)
    {
        Directory.CreateDirectory(Path.Combine(folder, "ctwa"));
        File.WriteAllText(ContextsFile.FullPath, text);
        var failure = Assert.Throws<CommandFailure>(() => ContextsFile.Load());
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains(ContextsFile.FullPath, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_others_may_write_is_refused()
    {
        Save(new ContextBook());
        File.SetUnixFileMode(ContextsFile.FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        Assert.Contains("chmod 600", Assert.Throws<CommandFailure>(() => ContextsFile.Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_home_there_are_no_contexts()
    {
        Assert.Null(ContextFile.Find(_ => null));
        Assert.Null(ContextFile.Find(name => name == "XDG_CONFIG_HOME" ? "relative" : null));
        Assert.Equal("/h/.config/ctwa/contexts.json", ContextFile.Find(name => name == "HOME" ? "/h" : null)!.FullPath);
    }

    [Theory]
    // arguments, CTWA_CONTEXT, CTWA_REDIS, grid
    [InlineData("", "", "", "current:1")]
    [InlineData("", "", "env:3", "env:3")]
    [InlineData("", "other", "env:3", "other:2")]
    [InlineData("--redis opt:4", "other", "env:3", "opt:4")]
    [InlineData("--context other --cluster-id x", "", "env:3", "other:2")]
    [InlineData("--context other", "current", "env:3", "other:2")]
    public void Where_the_grid_is_comes_from_one_place(string arguments, string context, string redis, string grid)
    {
        Two();
        (environment["CTWA_CONTEXT"], environment["CTWA_REDIS"], environment["CTWA_CLUSTER_ID"]) = (context, redis, "env");
        var address = Assert.IsType<GridAddress.Redis>(Read(arguments).Address);
        Assert.Equal(grid, $"{address.Endpoint.Host}:{address.Endpoint.Port}");
        Assert.Equal(arguments.Contains("--cluster-id", StringComparison.Ordinal) ? "x" : grid.StartsWith("env", StringComparison.Ordinal) || grid.StartsWith("opt", StringComparison.Ordinal) ? "env" : "c-" + grid[..grid.IndexOf(':', StringComparison.Ordinal)], address.ClusterId);
    }

    [Fact]
    public void Secrets_come_from_the_variables_that_the_context_names()
    {
        Save(new ContextBook { Current = "a", Contexts = { ["a"] = new GridContext { Redis = "h", ClusterId = "c", TokenEnv = "A_TOKEN", RedisPasswordEnv = "A_PASSWORD" } } });
        environment["CTWA_TOKEN"] = "of another grid";
        var failure = Assert.Throws<CommandFailure>(() => Read(""));
        Assert.Equal("context 'a' takes its token from the variable A_TOKEN, which is not set.\ncontext 'a' takes the password of its Redis from the variable A_PASSWORD, which is not set.", failure.Message);
        (environment["A_TOKEN"], environment["A_PASSWORD"]) = ("t", "p");
        var target = Read("");
        Assert.Equal(("t", "p", "a"), (target.Token, ((GridAddress.Redis)target.Address).Endpoint.Password, target.Context));
        Assert.Equal("redis://h:6379, cluster c (context a)", $"{target}");
    }

    [Theory]
    [InlineData("--context nobody", "--context is 'nobody', and there is no such context; known are current, other.")]
    [InlineData("--context other --redis h:1", "--redis and the context 'other' exclude each other")]
    [InlineData("--tls-ca ca.pem", "--tls-ca and the context 'current' exclude each other")]
    public void Contradictions_are_named(string arguments, string message)
    {
        Two();
        Assert.Contains(message, Assert.Throws<CommandFailure>(() => Read(arguments)).Message, StringComparison.Ordinal);
    }

    private void Two() => Save(new ContextBook { Current = "current", Contexts = { ["current"] = new GridContext { Redis = "current:1", ClusterId = "c-current" }, ["other"] = new GridContext { Redis = "other:2", ClusterId = "c-other" } } });

    private void Save(ContextBook book) => ContextsFile.Save(book);

    private GridTarget Read(string arguments)
    {
        var options = new GridOptions();
        var command = new RootCommand();
        options.AddTo(command);
        return options.Read(command.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)), environment.GetValueOrDefault, ContextsFile);
    }
}
