using System.Collections.Concurrent;
using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>A serving and a pulling channel in one process, with their logs.</summary>
internal sealed class ChannelPair : IAsyncDisposable
{
    public static readonly TensorChannelOptions Plain = new() { Secret = "correct horse battery staple", SharedMemory = false, Deadline = TimeSpan.FromSeconds(10) };

    private ChannelPair(TensorChannel server, TensorChannel client, TestTensors tensors, ListLogger serverLog, ListLogger clientLog)
    {
        (Server, Client, Tensors, ServerLog, ClientLog) = (server, client, tensors, serverLog, clientLog);
    }

    public TensorChannel Server { get; }

    public TensorChannel Client { get; }

    public TestTensors Tensors { get; }

    public ListLogger ServerLog { get; }

    public ListLogger ClientLog { get; }

    public static async Task<ChannelPair> StartAsync(CancellationToken token, TensorChannelOptions? server = null, TensorChannelOptions? client = null)
    {
        var tensors = new TestTensors();
        ListLogger serverLog = new(), clientLog = new();
        var serving = new TensorChannel(server ?? Plain, tensors, serverLog);
        await serving.StartAsync(token);
        return new ChannelPair(serving, new TensorChannel(client ?? server ?? Plain, tensors, clientLog), tensors, serverLog, clientLog);
    }

    public Task PullAsync(int step, UnmanagedTensor destination, CancellationToken token, long epoch = 1, TensorEndpoint? by = null) =>
        Client.PullAsync(by ?? Server.Endpoint, new TensorRequest(TestTensors.Id(step), epoch, 0, destination.Length), destination.Address, token);

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class ListLogger : ILogger<TensorChannel>
{
    public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = new();

    public IEnumerable<string> Warnings => Lines.Where(line => line.Level >= LogLevel.Warning).Select(line => line.Text);

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Enqueue((logLevel, $"{formatter(state, exception)} {exception}"));
}
