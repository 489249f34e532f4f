using Ctwa.Deploy.Tests.Api;
using Ctwa.Deploy.Tests.Manifests;

namespace Ctwa.Deploy.Tests.Host;

/// <summary>The development overlay, applied to an API, with its Redis; silos are started by tests.</summary>
internal sealed class GridOfPods : IAsyncDisposable
{
    private GridOfPods(ManifestSet manifests, FakeKubernetesApi api, RenderedRedis redis) => (Manifests, Api, Redis) = (manifests, api, redis);

    public ManifestSet Manifests { get; }

    public FakeKubernetesApi Api { get; }

    public RenderedRedis Redis { get; }

    /// <param name="change">Changes the manifests before they are applied.</param>
    public static async Task<GridOfPods> StartAsync(Func<string, string>? change = null)
    {
        string rendered = await Kustomize.RenderAsync("overlays/dev");
        string changed = change?.Invoke(rendered) ?? rendered;
        if (change is not null && changed == rendered) { throw new InvalidOperationException("the change of the manifests changes nothing."); }
        var manifests = ManifestSet.Read("overlays/dev", changed);
        var redis = await RenderedRedis.StartAsync(manifests);
        var api = await FakeKubernetesApi.StartAsync();
        await Kubectl.ApplyAsync(api, changed);
        return new GridOfPods(manifests, api, redis);
    }

    public RenderedPod Start(string suffix, Action<Dictionary<string, string>>? change = null) => RenderedPod.Start(Manifests, Api, Redis, suffix, change: change);

    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        await Api.DisposeAsync();
    }
}
