using System.Collections.Concurrent;
using Ctwa.Deploy.Tests.Rules;
using Xunit;

namespace Ctwa.Deploy.Tests.Host;

/// <summary>One silo for all tests of a class that ask it for paths.</summary>
public sealed class ProbedSilo : IAsyncLifetime
{
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly ConcurrentDictionary<string, int> _seen = new(StringComparer.Ordinal);
    private SiloProcess? _silo;
    private Uri? _address;

    internal HostFacts Facts => new(path => _seen.GetOrAdd(path, Ask));

    public async ValueTask InitializeAsync()
    {
        _silo = SiloProcess.Start(new Dictionary<string, string>(), "--cluster-id", "probes", "--health-port", "0", "--device", "cpu");
        _address = await _silo.HealthAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_silo is not null) { await _silo.DisposeAsync(); }
    }

    private int Ask(string path)
    {
        using var answer = _http.Send(new HttpRequestMessage(HttpMethod.Get, new Uri(_address!, path)));
        return (int)answer.StatusCode;
    }
}
