using Ctwa.Silo.Hosting.Options;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Telemetry;

/// <summary>The options about telemetry, from all sources.</summary>
public sealed class TelemetryOptionsTests
{
    private static (SiloOptions? Options, IReadOnlyList<string> Errors) Parse(string arguments, params (string Name, string Value)[] environment) =>
        SiloCommand.Parse(("--cluster-id x " + arguments).Split(' ', StringSplitOptions.RemoveEmptyEntries), environment.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.Ordinal));

    private static TelemetryOptions Good(string arguments, params (string Name, string Value)[] environment)
    {
        var (options, errors) = Parse(arguments, environment);
        Assert.Empty(errors);
        return options!.Telemetry;
    }

    [Fact]
    public void Nothing_is_sent_unless_asked_for()
    {
        var options = Good("");
        Assert.Equal(new TelemetryOptions { Metrics = true, Otlp = null, Grpc = false, TraceRatio = 0.1 }, options);
        Assert.False(options.Traces);
    }

    [Fact]
    public void Every_option_arrives_by_every_way()
    {
        var expected = new TelemetryOptions { Metrics = false, Otlp = new Uri("https://collector.example:4317"), Grpc = true, TraceRatio = 0.5 };
        Assert.Equal(expected, Good("--metrics off --otlp-endpoint https://collector.example:4317 --otlp-protocol grpc --trace-ratio 0.5"));
        Assert.Equal(expected, Good("", ("CTWA_SILO_METRICS", "off"), ("CTWA_SILO_OTLP_ENDPOINT", "https://collector.example:4317"), ("CTWA_SILO_OTLP_PROTOCOL", "grpc"), ("CTWA_SILO_TRACE_RATIO", "0.5")));
        Assert.Equal(expected with { Metrics = true }, Good("", ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")));
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, """{ "metrics": "off", "otlp-endpoint": "https://collector.example:4317", "otlp-protocol": "grpc", "trace-ratio": 0.5 }""");
            Assert.Equal(expected, Good("--config " + file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Options_come_before_open_telemetrys_variables() => Assert.Equal(
        new TelemetryOptions { Otlp = new Uri("http://a:1"), Grpc = false, TraceRatio = 0.2 },
        Good("--otlp-endpoint http://a:1 --otlp-protocol http/protobuf --trace-ratio 0.2", ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:2"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_SAMPLER", "always_on")));

    [Theory]
    [InlineData("always_on", "", 1)]
    [InlineData("parentbased_always_off", "", 0)]
    [InlineData("traceidratio", "", 1)]
    [InlineData("traceidratio", "0.25", 0.25)]
    public void The_standard_samplers_are_ratios(string sampler, string argument, double expected) =>
        Assert.Equal(expected, Good("--otlp-endpoint http://a:1", ("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)).TraceRatio);

    [Theory]
    [InlineData("--metrics maybe", "--metrics is 'maybe'; accepted are on and off.")]
    [InlineData("--otlp-endpoint collector:4317", "--otlp-endpoint is 'collector:4317'; accepted is a URL, such as http://127.0.0.1:4318.")]
    [InlineData("--otlp-endpoint ftp://a", "--otlp-endpoint is 'ftp://a'; accepted is a URL, such as http://127.0.0.1:4318.")]
    [InlineData("--otlp-endpoint http://me:hunter2@a", "--otlp-endpoint holds a user or a password, which every user of this machine can read in the list of processes. Give it as a header, in the environment variable OTEL_EXPORTER_OTLP_HEADERS.")]
    [InlineData("--otlp-endpoint http://a --otlp-protocol http/json", "--otlp-protocol is 'http/json'; accepted are http/protobuf and grpc.")]
    [InlineData("--otlp-endpoint http://a --trace-ratio 2", "--trace-ratio is '2'; accepted is a number from 0 to 1, such as 0.1.")]
    [InlineData("--otlp-endpoint http://a --trace-ratio NaN", "--trace-ratio is 'NaN'; accepted is a number from 0 to 1, such as 0.1.")]
    [InlineData("--trace-ratio 0.5", "--trace-ratio goes with --otlp-endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT).")]
    public void Wrong_values_are_told(string arguments, string expected) => Assert.Equal(expected, Assert.Single(Parse(arguments).Errors));

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", "the environment variable OTEL_EXPORTER_OTLP_ENDPOINT is 'collector'; accepted is a URL, such as http://127.0.0.1:4318.")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "the environment variable OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json'; accepted are http/protobuf and grpc.")]
    [InlineData("OTEL_TRACES_SAMPLER", "jaeger_remote", "the environment variable OTEL_TRACES_SAMPLER is 'jaeger_remote'; accepted are always_on, always_off and traceidratio, each also with parentbased_ before it.")]
    [InlineData("CTWA_SILO_OTLP", "http://a", "the environment variable CTWA_SILO_OTLP stands for no option of the silo; see ctwa-silo --help.")]
    public void Wrong_variables_are_told(string name, string value, string expected) => Assert.Equal(expected, Assert.Single(Parse("", (name, value)).Errors));
}
