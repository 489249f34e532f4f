using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Ctwa.Deploy.Tests.Manifests;
using Ctwa.Deploy.Tests.Rules;
using k8s;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Ctwa.Deploy.Tests.Api;

/// <summary>
/// As much of a Kubernetes API server as <c>kubectl apply</c> and a silo ask of one: discovery, objects by path, lists by label, watches.
/// Whoever comes with the token of a service account may do what the applied roles let it; <see cref="AdminToken"/> may do everything.
/// </summary>
internal sealed class FakeKubernetesApi : IAsyncDisposable
{
    public const string AdminToken = "admin";

    private static readonly (string Group, string Version, string Plural, string Kind, bool Namespaced)[] s_kinds =
    [
        ("", "v1", "namespaces", "Namespace", false), ("", "v1", "pods", "Pod", true), ("", "v1", "services", "Service", true), ("", "v1", "secrets", "Secret", true), ("", "v1", "configmaps", "ConfigMap", true),
        ("", "v1", "serviceaccounts", "ServiceAccount", true), ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true),
        ("apps", "v1", "deployments", "Deployment", true), ("apps", "v1", "statefulsets", "StatefulSet", true), ("batch", "v1", "jobs", "Job", true),
        ("rbac.authorization.k8s.io", "v1", "roles", "Role", true), ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true),
        ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true), ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true),
        ("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor", true), ("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule", true), ("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", true),
    ];

    private readonly WebApplication _server;
    private readonly X509Certificate2 _certificate;
    private readonly ConcurrentDictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Channel<string>, (string Collection, string Selector)> _watches = new();
    private readonly ConcurrentQueue<string> _requests = new();
    private int _version;

    private FakeKubernetesApi(WebApplication server, X509Certificate2 certificate) => (_server, _certificate) = (server, certificate);

    public Uri Address => new(_server.Urls.First());

    /// <summary>Who asked, method, path, and the answer's status, of everything that was asked.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    /// <summary>Watches that are open.</summary>
    public int Watchers => _watches.Count;

    /// <summary>Everything that was applied.</summary>
    public IReadOnlyList<JsonObject> Objects => [.. _objects.Values];

    public static async Task<FakeKubernetesApi> StartAsync()
    {
        var certificate = Certificate();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        // Encrypted: kubectl shows tokens to no other server.
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var server = builder.Build();
        var api = new FakeKubernetesApi(server, certificate);
        server.Run(api.AnswerAsync);
        await server.StartAsync();
        return api;
    }

    /// <summary>A kubeconfig for whoever has a token.</summary>
    public string KubeConfig(string token) => $"""
        apiVersion: v1
        kind: Config
        clusters:
          - name: fake
            cluster: {"{"} server: "{Address}", certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(_certificate.ExportCertificatePem()))} {"}"}
        users:
          - name: me
            user: {"{"} token: "{token}" {"}"}
        contexts:
          - name: fake
            context: {"{"} cluster: fake, user: me {"}"}
        current-context: fake
        """;

    /// <summary>Makes a pod as a controller makes it of a workload's template.</summary>
    public V1Pod Schedule(Workload workload, string home, string name)
    {
        var pod = new V1Pod { ApiVersion = "v1", Kind = "Pod", Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = home, Labels = new Dictionary<string, string>(workload.Labels) }, Spec = workload.Pod };
        Store(PathOf("", "v1", home, "pods", name), JsonNode.Parse(KubernetesJson.Serialize(pod))!.AsObject(), "ADDED");
        return pod;
    }

    /// <summary>A pod is gone.</summary>
    public void Delete(string home, string name)
    {
        string path = PathOf("", "v1", home, "pods", name);
        if (_objects.TryRemove(path, out var pod)) { Tell(CollectionOf(path), "DELETED", pod); }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var watch in _watches.Keys) { watch.Writer.TryComplete(); }
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try { await _server.StopAsync(patience.Token); }
        catch (OperationCanceledException) { /* A silo that still watches; the process ends next. */ }
        await _server.DisposeAsync();
        _certificate.Dispose();
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=fake-kubernetes", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static string PathOf(string group, string version, string home, string plural, string name) => $"{(group.Length == 0 ? "/api/" : $"/apis/{group}/")}{version}/namespaces/{home}/{plural}/{name}";

    private static string CollectionOf(string path) => path[..path.LastIndexOf('/')];

    private async Task AnswerAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!.TrimEnd('/'), method = context.Request.Method;
        try
        {
            if (Discover(path) is { } discovered) { await WriteAsync(context, 200, discovered); }
            else { await ServeAsync(context, path, method); }
        }
        catch (OperationCanceledException) { /* A watcher that left. */ }
        finally { _requests.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{CallerOf(context)} {method} {path}{(context.Request.Query.ContainsKey("watch") ? "?watch" : "")} {context.Response.StatusCode}")); }
    }

    private async Task ServeAsync(HttpContext context, string path, string method)
    {
        // [api, v1, namespaces, HOME, PLURAL, NAME?] or [apis, GROUP, VERSION, namespaces, HOME, PLURAL, NAME?]; a namespace itself has no plural after it.
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        int at = parts is ["api", ..] ? 2 : 3;
        bool inNamespace = parts.Length > at + 2 && parts[at] == "namespaces";
        string plural = inNamespace ? parts[at + 2] : parts.ElementAtOrDefault(at) ?? "";
        string? name = parts.ElementAtOrDefault(inNamespace ? at + 3 : at + 1);
        string group = at == 2 ? "" : parts[1];
        bool watches = context.Request.Query["watch"] == "true";
        string verb = method switch { "GET" when name is not null => "get", "GET" when watches => "watch", "GET" => "list", "POST" => "create", "PATCH" => "patch", "PUT" => "update", _ => "delete" };
        if (!s_kinds.Any(kind => kind.Group == group && kind.Plural == plural)) { await RefuseAsync(context, 404, "NotFound", "the server could not find the requested resource"); return; }
        if (!IsAllowed(context, group, plural, verb, out string who)) { await RefuseAsync(context, who.Length == 0 ? 401 : 403, who.Length == 0 ? "Unauthorized" : "Forbidden", $"{plural} is forbidden: User \"{who}\" cannot {verb} resource \"{plural}\" in API group \"{group}\""); return; }
        switch (verb)
        {
            case "get" when _objects.TryGetValue(path, out var found): await WriteAsync(context, 200, found); break;
            case "get": await RefuseAsync(context, 404, "NotFound", $"{plural} \"{name}\" not found"); break;
            case "list": await WriteAsync(context, 200, new JsonObject { ["kind"] = s_kinds.First(kind => kind.Plural == plural).Kind + "List", ["apiVersion"] = group.Length == 0 ? "v1" : $"{group}/v1", ["metadata"] = new JsonObject { ["resourceVersion"] = "1" }, ["items"] = new JsonArray([.. Selected(path, context.Request.Query["labelSelector"]).Select(one => one.DeepClone())]) }); break;
            case "watch": await WatchAsync(context, path); break;
            case "create":
                var made = (await JsonNode.ParseAsync(context.Request.Body))!.AsObject();
                string place = $"{path}/{made["metadata"]!["name"]!.GetValue<string>()}";
                Store(place, made, "ADDED");
                await WriteAsync(context, 201, made);
                break;
            case "patch":
                // Lists are replaced as a whole: whoever needs a list merged needs a real server.
                var merged = Merge(_objects.TryGetValue(path, out var old) ? old.DeepClone().AsObject() : [], (await JsonNode.ParseAsync(context.Request.Body))!.AsObject());
                Store(path, merged, "MODIFIED");
                await WriteAsync(context, 200, merged);
                break;
            default: await RefuseAsync(context, 405, "MethodNotAllowed", "not here"); break;
        }
    }

    private bool IsAllowed(HttpContext context, string group, string plural, string verb, out string who)
    {
        who = CallerOf(context);
        if (who == AdminToken) { return true; }
        if (who.Split(':') is not ["sa", var account]) { who = ""; return false; }
        var applied = ManifestSet.Read("fake", string.Join("\n---\n", _objects.Values.Where(one => one["kind"]!.GetValue<string>() is "Role" or "RoleBinding" or "Namespace").Select(one => one.ToJsonString())));
        return OrleansRules.RulesOf(applied, account).Any(rule => rule.ApiGroups.Contains(group) && rule.Resources.Contains(plural) && rule.Verbs.Contains(verb));
    }

    private static string CallerOf(HttpContext context) => context.Request.Headers.Authorization.ToString() is var header && header.StartsWith("Bearer ", StringComparison.Ordinal) ? header["Bearer ".Length..] : "";

    private IEnumerable<JsonObject> Selected(string collection, string? selector) =>
        _objects.Where(pair => CollectionOf(pair.Key) == collection && Fits(pair.Value, selector)).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value);

    private static bool Fits(JsonObject one, string? selector) => string.IsNullOrEmpty(selector)
        || selector.Split(',').Select(part => part.Split('=', 2)).All(pair => one["metadata"]?["labels"]?[pair[0]]?.GetValue<string>() == pair[1]);

    private void Store(string path, JsonObject one, string change)
    {
        one["metadata"]!["resourceVersion"] = Interlocked.Increment(ref _version).ToString(CultureInfo.InvariantCulture);
        one["metadata"]!["uid"] ??= Guid.NewGuid().ToString();
        _objects[path] = one;
        Tell(CollectionOf(path), change, one);
    }

    private void Tell(string collection, string change, JsonObject one)
    {
        foreach (var (watch, wanted) in _watches.Where(pair => pair.Value.Collection == collection && Fits(one, pair.Value.Selector))) { watch.Writer.TryWrite(new JsonObject { ["type"] = change, ["object"] = one.DeepClone() }.ToJsonString()); }
    }

    private async Task WatchAsync(HttpContext context, string collection)
    {
        var events = Channel.CreateUnbounded<string>();
        string selector = context.Request.Query["labelSelector"].ToString();
        context.Response.ContentType = "application/json";
        foreach (var one in Selected(collection, selector)) { events.Writer.TryWrite(new JsonObject { ["type"] = "ADDED", ["object"] = one.DeepClone() }.ToJsonString()); }
        await context.Response.StartAsync(context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
        _watches[events] = (collection, selector);
        try
        {
            await foreach (string line in events.Reader.ReadAllAsync(context.RequestAborted))
            {
                await context.Response.WriteAsync(line + "\n", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        }
        finally { _watches.TryRemove(events, out _); }
    }

    private static JsonObject Merge(JsonObject into, JsonObject patch)
    {
        // Types whose patches replace the whole.
        if (patch.Remove("$patch")) { return patch.DeepClone().AsObject(); }
        foreach (var (key, value) in patch)
        {
            if (value is null) { into.Remove(key); }
            else { into[key] = value is JsonObject inner && into[key] is JsonObject known ? Merge(known.DeepClone().AsObject(), inner) : value.DeepClone(); }
        }

        return into;
    }

    /// <summary>What the server has; null: it is no question about that.</summary>
    private static JsonObject? Discover(string path)
    {
        static JsonObject Version(string group, string version) => new() { ["groupVersion"] = $"{group}/{version}", ["version"] = version };
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        switch (parts)
        {
            case ["version"]: return new JsonObject { ["major"] = "1", ["minor"] = "34", ["gitVersion"] = "v1.34.0" };
            case ["api"]: return new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray("v1") };
            case ["apis"]: return new JsonObject { ["kind"] = "APIGroupList", ["apiVersion"] = "v1", ["groups"] = new JsonArray([.. s_kinds.Where(kind => kind.Group.Length > 0).Select(kind => (kind.Group, kind.Version)).Distinct().Select(one => new JsonObject { ["name"] = one.Group, ["versions"] = new JsonArray(Version(one.Group, one.Version)), ["preferredVersion"] = Version(one.Group, one.Version) })]) };
            case ["api", "v1"]: return Resources("", "v1");
            case ["apis", var group, var version]: return Resources(group, version);
            default: return null;
        }
    }

    private static JsonObject Resources(string group, string version) => new()
    {
        ["kind"] = "APIResourceList",
        ["apiVersion"] = "v1",
        ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
        ["resources"] = new JsonArray([.. s_kinds.Where(kind => kind.Group == group).Select(kind => new JsonObject { ["name"] = kind.Plural, ["singularName"] = "", ["namespaced"] = kind.Namespaced, ["kind"] = kind.Kind, ["verbs"] = new JsonArray("create", "delete", "get", "list", "patch", "update", "watch") })]),
    };

    private static Task WriteAsync(HttpContext context, int status, JsonObject body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(body.ToJsonString());
    }

    private static Task RefuseAsync(HttpContext context, int status, string reason, string message) =>
        WriteAsync(context, status, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Failure", ["message"] = message, ["reason"] = reason, ["code"] = status });
}
