using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class FolderPolicyTests : IDisposable
{
    private readonly string _folder = RealPath.Of(Directory.CreateTempSubdirectory("ctwa-folders-").FullName);
    private readonly FolderPolicy _policy;

    public FolderPolicyTests()
    {
        foreach (string name in (string[])["root/data", "root2", "outside/deep"]) { Directory.CreateDirectory(At(name)); }
        File.WriteAllText(At("outside/secret.jsonl"), "");
        _policy = new FolderPolicy { Roots = [At("root"), At("root2")] };
    }

    [Fact]
    public void Paths_below_the_roots_are_allowed_also_before_they_exist()
    {
        foreach (string path in (string[])["root", "root/data", "root/new/and/newer", "root2/x.jsonl", "root/data/"]) { Assert.Null(_policy.Refusal("key", At(path))); }
        Assert.Null(FolderPolicy.Open.Refusal("key", "/etc/passwd"));
        Assert.Null(FolderPolicy.Open.Refusal("key", "relative/../x"));
    }

    [Fact]
    public void Everything_else_is_refused_with_key_value_and_what_is_allowed()
    {
        string allowed = $"allowed are paths below {At("root")} and {At("root2")}";
        Assert.Equal($"data.train.path: '/etc/passwd' lies outside; {allowed}. Move it there, or ask the administrator for another --allow-root.", _policy.Refusal("data.train.path", "/etc/passwd"));
        Assert.Equal($"k: '../../etc/passwd' is not absolute; {allowed}.", _policy.Refusal("k", "../../etc/passwd"));
        Assert.Equal($"k: '{At("root")}/../../etc/passwd' contains '..'; {allowed}, written without '..'.", _policy.Refusal("k", At("root") + "/../../etc/passwd"));
        // It stays inside, but nobody needs to write it so.
        Assert.NotNull(_policy.Refusal("k", At("root/data") + "/.."));
        foreach (string path in (string[])["", "/", At("root3"), At("root-and-more/x"), At("outside"), "/etc\0", "x"]) { Assert.NotNull(_policy.Refusal("k", path)); }
        Assert.Contains("none is allowed", new FolderPolicy().Refusal("k", "/x"), StringComparison.Ordinal);
    }

    [Fact]
    public void Links_are_followed_wherever_they_stand()
    {
        Link("root/door", "outside");
        Link("root/file.jsonl", "outside/secret.jsonl");
        Link("root/relative", "../outside", absolute: false);
        Link("root/inner", "root/data");
        Link("root/circle", "circle", absolute: false);
        Link("outside/back", "root/data");
        foreach (string path in (string[])["root/door", "root/door/new/file", "root/file.jsonl", "root/relative/deep", "root/circle/x"]) { Assert.NotNull(_policy.Refusal("k", At(path))); }
        Assert.Contains($"(it leads to '{At("outside/new")}')", _policy.Refusal("k", At("root/door/new")), StringComparison.Ordinal);
        Assert.Null(_policy.Refusal("k", At("root/inner/new")));
        Assert.Null(_policy.Refusal("k", At("outside/back/new")));
    }

    [Fact]
    public void Going_up_in_a_links_target_is_going_up_from_where_the_kernel_is()
    {
        // By its text it stays inside; on disk 'hop' is elsewhere, and so is the folder above it.
        Link("root/hop", "outside/deep");
        Link("root/trick", "hop/../secret.jsonl", absolute: false);
        Assert.Equal(At("outside/secret.jsonl"), RealPath.Of(At("root/trick")));
        Assert.NotNull(_policy.Refusal("k", At("root/trick")));
    }

    [Fact]
    public void A_folder_with_a_door_in_it_is_refused()
    {
        Link("root/data/model.safetensors", "outside/secret.jsonl");
        Assert.Contains("holds the link 'model.safetensors'", _policy.Refusal("model.path", At("root/data")), StringComparison.Ordinal);
        File.Delete(At("root/data/model.safetensors"));
        // As in the cache of the Hugging Face hub: links between allowed folders.
        File.WriteAllText(At("root2/blob"), "");
        Link("root/data/model.safetensors", "root2/blob");
        Assert.Null(_policy.Refusal("model.path", At("root/data")));
    }

    [Fact]
    public void A_root_may_be_a_link_itself()
    {
        Link("alias", "root");
        Assert.Null(new FolderPolicy { Roots = [At("alias")] }.Refusal("k", At("root/data")));
        Assert.Null(new FolderPolicy { Roots = [At("alias")] }.Refusal("k", At("alias/data")));
        Assert.NotNull(new FolderPolicy { Roots = [At("alias")] }.Refusal("k", At("outside")));
    }

    [Fact]
    public void Every_path_of_a_job_is_found_by_its_key()
    {
        var job = Jobs.SmallSpec with
        {
            Model = new ModelSpec { Path = "/m" },
            Data = Jobs.SmallSpec.Data with { Train = new DataSourceSpec { Path = "/t" }, Validation = new DataSourceSpec { Path = "/v" }, Test = new DataSourceSpec { Path = "/e" } },
            WarmStart = new SupervisedSpec { Steps = 1, Data = new DataSourceSpec { Path = "/w" } },
            Objectives =
            [
                new ObjectiveSpec { Name = "a", Reward = new ProcessRewardSpec { Command = ["/p"], WorkingDirectory = "/d" } },
                new ObjectiveSpec { Name = "b", Reward = new HttpRewardSpec { Url = "https://x/", CaFile = "/c" } },
            ],
            RewardModels = [new RewardModelSpec { Name = "r", Reward = new ModelRewardSpec { Path = "/r" } }],
        };
        Assert.Equal(
            ["model.path=/m", "data.train.path=/t", "data.validation.path=/v", "data.test.path=/e", "warm_start.data.path=/w", "objectives[0].reward.working_directory=/d", "objectives[1].reward.ca_file=/c", "reward_models[0].reward.path=/r"],
            JobPaths.Of(job).Select(use => $"{use.Key}={use.Value}"));
        Assert.Equal(8, _policy.Refusals(job).Count);
        Assert.Empty(FolderPolicy.Open.Refusals(job));
    }

    // A path that somebody adds to jobs must not stay unseen.
    [Fact]
    public void Every_key_of_the_records_that_names_a_path_is_surveyed()
    {
        string[] known = ["ModelSpec.Path", "ModelInitSpec.Tokenizer", "DataSourceSpec.Path", "ProcessRewardSpec.WorkingDirectory", "HttpRewardSpec.CaFile", "ModelRewardSpec.Path"];
        var found = typeof(JobSpec).Assembly.GetTypes().Where(type => type.Name.EndsWith("Spec", StringComparison.Ordinal))
            .SelectMany(type => type.GetProperties().Where(property => property.PropertyType == typeof(string) && ((string[])["Path", "File", "Folder", "Directory", "Tokenizer"]).Any(word => property.Name.EndsWith(word, StringComparison.Ordinal))).Select(property => $"{type.Name}.{property.Name}"));
        Assert.Equal(known.Order(), found.Order());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string path) => Path.Combine(_folder, path);

    private void Link(string path, string target, bool absolute = true) => File.CreateSymbolicLink(At(path), absolute ? At(target) : target);
}
