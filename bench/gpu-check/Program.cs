using Ctwa.GpuCheck;
using Ctwa.Training.Native;

// One part per process: a part that ends the process, or fills the device, harms no other. run.sh runs them all.
(string Name, string Purpose, Action<Settings, Records> Run)[] parts =
[
    ("probe", "which libtorch was loaded, and one operation on the device", Probe.Run),
    ("golden", "the decoder against the golden values", GoldenCheck.Run),
    ("train", "forward, backward and AdamW of a random model", TrainingBenchmark.Run),
    ("generate", "sampling with the key/value cache", GenerationBenchmark.Run),
    ("profile", "the time of one generated token, by stage", DecodeProfile.Run),
    ("report", "the measurements page from the records of all parts", Report.Run),
];

if (args is not [var name, .. var rest] || parts.FirstOrDefault(part => part.Name == name) is not { Run: { } run })
{
    Console.Error.WriteLine("usage: gpu-check PART [--option value ...]    (options: bench/gpu-check/README.md)");
    foreach (var part in parts) { Console.Error.WriteLine($"  {part.Name,-10}{part.Purpose}"); }
    return 2;
}

try
{
    TorchNative.EnsureLoaded();
    var settings = Settings.Parse(rest);
    var records = new Records(settings.Json);
    run(settings, records);
    return records.Failures == 0 ? 0 : 1;
}
catch (ArgumentException error)
{
    Console.Error.WriteLine(error.Message);
    return 2;
}
