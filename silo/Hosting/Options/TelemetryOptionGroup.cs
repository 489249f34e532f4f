using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>
/// The options about metrics, traces and logs. Where one is not given, OpenTelemetry's own variable counts; those that have no option
/// (headers, intervals, queues, resource attributes) are read by its library.
/// </summary>
internal sealed class TelemetryOptionGroup
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT", ProtocolVariable = "OTEL_EXPORTER_OTLP_PROTOCOL", SamplerVariable = "OTEL_TRACES_SAMPLER", RatioVariable = "OTEL_TRACES_SAMPLER_ARG";

    private const string Http = "http/protobuf", Grpc = "grpc", On = "on";

    private readonly Option<string> _metrics = Values.Word("--metrics", "on (default): serve /metrics for Prometheus on --health-port.", On, "off");
    private readonly Option<Uri?> _endpoint = Values.Of("--otlp-endpoint", "URL", $"Collector that metrics, traces and logs are sent to by OTLP, such as http://127.0.0.1:4318; or the environment variable {EndpointVariable}. Default: none.", ParseEndpoint!);
    private readonly Option<string> _protocol = Values.Word("--otlp-protocol", $"{Http} (default) or {Grpc}; or the environment variable {ProtocolVariable}.", Http, Grpc);
    private readonly Option<double?> _ratio = Values.Of<double?>("--trace-ratio", "RATIO", FormattableString.Invariant($"Share of steps that are traced, 0 to 1; or the environment variables {SamplerVariable} and {RatioVariable}. Default: {TelemetryOptions.DefaultTraceRatio}. Needs --otlp-endpoint."), text => ParseRatio(text));

    public void AddTo(RootCommand root)
    {
        foreach (Option option in (Option[])[_metrics, _endpoint, _protocol, _ratio]) { root.Add(option); }
    }

    /// <summary>The values of a command line without errors.</summary>
    /// <exception cref="FormatException">A variable's value is wrong.</exception>
    public TelemetryOptions Read(ParseResult parsed, Func<string, string?> environment) => new()
    {
        Metrics = parsed.GetValue(_metrics) == On,
        Otlp = Values.Peek(parsed, _endpoint) ?? Of(environment, EndpointVariable, ParseEndpoint),
        Grpc = (Values.Peek(parsed, _protocol) ?? Of(environment, ProtocolVariable, ParseProtocol) ?? Http) == Grpc,
        TraceRatio = Values.Peek(parsed, _ratio) ?? RatioOf(environment) ?? TelemetryOptions.DefaultTraceRatio,
    };

    /// <summary>Mistakes that lie between options.</summary>
    public IEnumerable<string> Check(ParseResult parsed, Func<string, string?> environment)
    {
        if (environment(EndpointVariable) is { Length: > 0 }) { yield break; }
        foreach (var option in ((Option[])[_protocol, _ratio]).Where(option => parsed.GetResult(option) is { Implicit: false } && parsed.GetResult(_endpoint) is null or { Implicit: true }))
        {
            yield return $"{option.Name} goes with --otlp-endpoint (or {EndpointVariable}).";
        }
    }

    /// <summary>The standard names of samplers; whose trace begins elsewhere is never asked here, so that a parent makes no difference.</summary>
    private static double? RatioOf(Func<string, string?> environment) => environment(SamplerVariable) switch
    {
        null or "" => null,
        "always_on" or "parentbased_always_on" => 1,
        "always_off" or "parentbased_always_off" => 0,
        "traceidratio" or "parentbased_traceidratio" => Of(environment, RatioVariable, text => (double?)ParseRatio(text)) ?? 1,
        var other => throw new FormatException($"the environment variable {SamplerVariable} is '{other}'; accepted are always_on, always_off and traceidratio, each also with parentbased_ before it."),
    };

    private static T? Of<T>(Func<string, string?> environment, string name, Func<string, T> parse)
    {
        if (environment(name) is not { Length: > 0 } text) { return default; }
        try { return parse(text); }
        catch (FormatException wrong) { throw new FormatException($"the environment variable {name} {wrong.Message}", wrong); }
    }

    private static Uri ParseEndpoint(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0) { throw new FormatException($"is '{text}'; accepted is a URL, such as http://127.0.0.1:4318."); }
        return uri.UserInfo.Length == 0
            ? uri
            : throw new FormatException("holds a user or a password, which every user of this machine can read in the list of processes. Give it as a header, in the environment variable OTEL_EXPORTER_OTLP_HEADERS.");
    }

    private static string ParseProtocol(string text) => text is Http or Grpc ? text : throw new FormatException($"is '{text}'; accepted are {Http} and {Grpc}.");

    private static double ParseRatio(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double ratio) && ratio is >= 0 and <= 1
        ? ratio
        : throw new FormatException($"is '{text}'; accepted is a number from 0 to 1, such as 0.1.");
}
