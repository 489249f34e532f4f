using System.Diagnostics.Metrics;
using Ctwa.Silo.Hosting.Options;
using Ctwa.Training.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Ctwa.Silo.Hosting.Telemetry;

/// <summary>
/// Listens to the process' meters, activity sources and logs, and hands them on: to whoever asks <c>/metrics</c>, and to a collector. It lives
/// longer than the silo's host, so that the last words of a silo get out. Queues are bounded, and sending is done by threads of its own: a
/// collector that is slow or gone costs what is lost, never a step.
/// </summary>
internal sealed class SiloTelemetry : IAsyncDisposable
{
    // A collector that does not answer must not hold up a silo that leaves.
    private const int LastWordsMs = 2000;

    /// <summary>Series of one instrument over the life of a silo; jobs come and go.</summary>
    private const int MostSeries = 10_000;

    /// <summary>Name that collectors know silos by.</summary>
    public const string ServiceName = "ctwa-silo";

    private readonly MeterProvider? _metrics;
    private readonly TracerProvider? _traces;
    private readonly ServiceProvider? _logs;

    private SiloTelemetry(TelemetryOptions options, string grid, bool scraped)
    {
        var metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => Describe(resource, grid))
            .AddMeter(TelemetryNames.All, "Microsoft.Orleans", "System.Runtime")
            .AddView(instrument => instrument is { IsObservable: true, Meter.Name: TelemetryNames.Training } ? new MetricStreamConfiguration { CardinalityLimit = MostSeries } : null);
        if (scraped)
        {
            metrics.AddPrometheusExporter(prometheus =>
            {
                prometheus.ScopeInfoEnabled = false;
                prometheus.ResourceConstantLabels = name => name == GridAttribute;
            });
        }

        if (options.Otlp is not null) { metrics.AddOtlpExporter((exporter, _) => Send(exporter, options, "metrics")); }
        _metrics = metrics.Build();
        Scraped = scraped ? _metrics : null;
        if (options.Traces)
        {
            _traces = Sdk.CreateTracerProviderBuilder()
                .ConfigureResource(resource => Describe(resource, grid))
                .AddSource(TelemetryNames.All, "Microsoft.Orleans.Application")
                .SetSampler(new StepSampler(options.TraceRatio))
                .AddOtlpExporter(exporter => Send(exporter, options, "traces"))
                .Build();
        }

        if (options.Otlp is not null)
        {
            _logs = new ServiceCollection().AddLogging(logging => logging.AddOpenTelemetry(logs =>
            {
                logs.IncludeFormattedMessage = true;
                logs.SetResourceBuilder(Describe(ResourceBuilder.CreateDefault(), grid));
                logs.AddOtlpExporter(exporter => Send(exporter, options, "logs"));
            })).BuildServiceProvider();
        }
    }

    /// <summary>Attribute and label with the grid's name.</summary>
    public const string GridAttribute = "ctwa.grid";

    /// <summary>What <c>/metrics</c> is served from; null: it is not.</summary>
    public MeterProvider? Scraped { get; }

    /// <summary>Begins to listen.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="grid">Name of the grid.</param>
    /// <param name="servesHttp">The silo has a port for <c>/metrics</c>.</param>
    /// <returns>Null: nobody wants to know anything, and nothing is collected.</returns>
    public static SiloTelemetry? Start(TelemetryOptions options, string grid, bool servesHttp)
    {
        bool scraped = options.Metrics && servesHttp;
        return scraped || options.Otlp is not null ? new SiloTelemetry(options, grid, scraped) : null;
    }

    /// <summary>Has a host's logs sent too: those of the grid from information on, others from warnings on.</summary>
    public void AddTo(ILoggingBuilder logging)
    {
        if (_logs is null) { return; }
        foreach (var provider in _logs.GetServices<ILoggerProvider>()) { logging.AddProvider(provider); }
        logging.AddFilter<OpenTelemetryLoggerProvider>("Ctwa", LogLevel.Information);
    }

    /// <summary>Sends what is left, for at most two seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(
            Task.Run(() => _metrics?.Shutdown(LastWordsMs)),
            Task.Run(() => _traces?.Shutdown(LastWordsMs)),
            Task.Run(() => _logs?.GetService<LoggerProvider>()?.Shutdown(LastWordsMs)));
        _metrics?.Dispose();
        _traces?.Dispose();
        if (_logs is not null) { await _logs.DisposeAsync(); }
    }

    private static ResourceBuilder Describe(ResourceBuilder resource, string grid) => resource
        .AddService(ServiceName, serviceNamespace: "ctwa", serviceVersion: typeof(SiloTelemetry).Assembly.GetName().Version?.ToString(3), serviceInstanceId: Instance)
        .AddAttributes([new(GridAttribute, grid), new("host.name", Environment.MachineName), new("process.pid", Environment.ProcessId)])
        // Last, so that it comes before the rest.
        .AddEnvironmentVariableDetector();

    /// <summary>The pod's name, which Kubernetes gives; else this process.</summary>
    private static string Instance => Environment.GetEnvironmentVariable("POD_NAME") is { Length: > 0 } pod ? pod : FormattableString.Invariant($"{Environment.MachineName}/{Environment.ProcessId}");

    private static void Send(OtlpExporterOptions exporter, TelemetryOptions options, string signal)
    {
        exporter.Protocol = options.Grpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        // The library appends the signal to what it reads itself, not to what it is given.
        exporter.Endpoint = options.Grpc ? options.Otlp! : new Uri(options.Otlp!.AbsoluteUri.TrimEnd('/') + "/v1/" + signal);
    }
}
