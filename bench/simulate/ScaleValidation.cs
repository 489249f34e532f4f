namespace Ctwa.Bench.Simulate;
internal static class ScaleValidation { public static Task<bool> RunAsync(bool quick) => Task.FromResult(quick); }
