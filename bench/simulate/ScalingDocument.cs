namespace Ctwa.Bench.Simulate;
internal static class ScalingDocument { public static void Write() { } }
