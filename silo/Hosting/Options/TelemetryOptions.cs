namespace Ctwa.Silo.Hosting.Options;

/// <summary>What a silo tells collectors, and how.</summary>
internal sealed record TelemetryOptions
{
    /// <summary>Share of steps that are traced, if nobody says.</summary>
    public const double DefaultTraceRatio = 0.1;

    /// <summary>Serve <c>/metrics</c> where the health endpoints are.</summary>
    public bool Metrics { get; init; } = true;

    /// <summary>Collector that metrics, traces and logs are sent to by OTLP; null: none.</summary>
    public Uri? Otlp { get; init; }

    /// <summary>By gRPC; else protobuf over HTTP.</summary>
    public bool Grpc { get; init; }

    /// <summary>Share of steps that are traced, 0 to 1.</summary>
    public double TraceRatio { get; init; } = DefaultTraceRatio;

    /// <summary>Steps are traced.</summary>
    public bool Traces => Otlp is not null && TraceRatio > 0;
}
