using System.Text.Json.Nodes;
using Ctwa.Training.Native;
using Ctwa.Training.Rollouts;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.GpuCheck;

/// <summary>
/// Where the time of one generated token goes: the decoder, the output matrix, the draw. Each is timed alone, until its
/// calls have returned and until the device is done: where both are near, the host is what one waits for.
/// </summary>
internal static class DecodeProfile
{
    private const int Draws = 16;

    public static void Run(Settings settings, Records records)
    {
        Products.Use(settings);
        using var random = new RandomModel(settings);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var device = settings.TorchDevice;
        using var cache = random.Model.NewCache(settings.Batch, settings.Length + Draws);
        var ids = ones([settings.Batch, settings.Length], int64, device);
        var hidden = random.Model.Extend(ids, arange(Scalars.Of(0), Scalars.Of(settings.Length), Scalars.One, ScalarType.Int64, device: device).unsqueeze(0).repeat(settings.Batch, 1), ids, cache);
        var logits = random.Model.Logits(hidden);
        var mask = ones([settings.Batch, settings.Length + Draws], int64, device);
        var decoder = new List<(double Queued, double Done)>();
        var output = new List<(double Queued, double Done)>();
        var draw = new List<(double Queued, double Done)>();
        double[] uniforms = [.. Enumerable.Range(0, settings.Batch).Select(row => (row + 0.5) / settings.Batch)];
        for (int i = 0; i < Draws; i++)
        {
            using var inner = NewDisposeScope();
            int width = settings.Length + i + 1;
            decoder.Add(DeviceClock.Time(settings, () => random.Model.Extend(ids.narrow(1, 0, 1), full([settings.Batch, 1], Scalars.Of(width - 1), int64, device), mask.narrow(1, 0, width), cache)));
            output.Add(DeviceClock.Time(settings, () => random.Model.Logits(hidden)));
            draw.Add(DeviceClock.Time(settings, () => TokenSampler.Sample(logits, 1, uniforms, new long[settings.Batch], new float[settings.Batch])));
        }

        records.Add(new JsonObject
        {
            ["part"] = "profile", ["who"] = "ctwa", ["device"] = settings.Device, ["type"] = settings.Type, ["preset"] = settings.Preset, ["batch"] = settings.Batch, ["cached"] = settings.Length,
            ["decoder_seconds"] = Done(decoder), ["decoder_queued_seconds"] = Queued(decoder), ["output_seconds"] = Done(output), ["output_queued_seconds"] = Queued(output), ["draw_seconds"] = Done(draw),
        });
    }

    private static double Done(List<(double Queued, double Done)> times) => DeviceClock.Median(times.Skip(Draws / 4).Select(time => time.Done));

    private static double Queued(List<(double Queued, double Done)> times) => DeviceClock.Median(times.Skip(Draws / 4).Select(time => time.Queued));
}
