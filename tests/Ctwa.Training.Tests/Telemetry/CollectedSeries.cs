using System.Diagnostics.Metrics;
using Ctwa.Training.Telemetry;

namespace Ctwa.Training.Tests.Telemetry;

/// <summary>What a collector would get of one job now: values by instrument and the values of its other labels.</summary>
internal sealed class CollectedSeries : Dictionary<string, double>
{
    private CollectedSeries() : base(StringComparer.Ordinal) { }

    /// <summary>Instruments' units.</summary>
    public Dictionary<string, string?> Units { get; } = [];

    /// <summary>Asks all instruments of the meter.</summary>
    public static CollectedSeries Of(string jobId)
    {
        var found = new CollectedSeries();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == TelemetryNames.Training) { listening.EnableMeasurementEvents(instrument); }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, labels, _) =>
        {
            var pairs = labels.ToArray();
            if (!pairs.Any(pair => pair is { Key: TelemetryNames.JobLabel } && (string?)pair.Value == jobId)) { return; }
            found[string.Join(' ', [instrument.Name, .. pairs.Where(pair => pair.Key != TelemetryNames.JobLabel).Select(pair => pair.Value)])] = value;
            found.Units[instrument.Name] = instrument.Unit;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return found;
    }
}
