using Ctwa.Bench.Channel;
using Ctwa.Bench.ControlPlane;
using Ctwa.Bench.Elastic;
using Ctwa.Bench.Grid;
using Ctwa.Bench.Simulate;
using Ctwa.Bench.Tokenization;
using Ctwa.Bench;

// Measurements that documents quote. One class per benchmark, one line here.
(string Name, string Purpose, Func<string[], Task<int>> RunAsync)[] benchmarks =
[
    ("quickstart", "the quick-start over seeds and methods; writes the table of docs/quickstart.md", QuickstartBenchmark.RunAsync),
    ("size", "random models of 0.5 and 1.5 billion parameters through ctwa train: peak memory against the estimate", SizeBenchmark.RunAsync),
    ("methods", "every method at the quick-start's size: LocalTrainer, lanes, SIGKILL and resume give one SHA-256", MethodsBenchmark.RunAsync),
    ("exactness", "one SHA-256 per job: two runs, lanes, LocalTrainer, SIGKILL and resume", ExactnessBenchmark.RunAsync),
    ("elastic-exactness", "one SHA-256 per job: one to three silos, killed, joining, resumed on another number", ElasticExactnessBenchmark.RunAsync),
    ("chaos", "seeded single faults: bits, hangs, time to the next step; goodput at one kill per minute", ChaosBenchmark.RunAsync),
    ("summary", "every comparison and the table of goals; fails when a goal said to be reached is not [--quick]", SummaryBenchmark.RunAsync),
    ("guard", "a short set of ratios against bench/bounds.json, for CI", GuardBenchmark.RunAsync),
    ("simulate", "a step on up to 1,024 devices, on paper: calls and transfers replayed; --validate, --update-docs", SimulateBenchmark.RunAsync),
    // These have options or processes of their own.
    (TokenizerBenchmark.Comparing.Name, TokenizerBenchmark.Comparing.Purpose, TokenizerBenchmark.RunAsync),
    (GridBenchmark.Comparing.Name, GridBenchmark.Comparing.Purpose, GridBenchmark.RunAsync),
    (ControlPlaneBenchmark.Comparing.Name, ControlPlaneBenchmark.Comparing.Purpose, ControlPlaneBenchmark.RunAsync),
    (ChannelBenchmark.Comparing.Name, ChannelBenchmark.Comparing.Purpose, ChannelBenchmark.RunAsync),
    .. ComparingBenchmarks.All.Select(benchmark => (benchmark.Name, benchmark.Purpose, (Func<string[], Task<int>>)benchmark.RunAsync)),
];

if (args is [var name, .. var rest] && benchmarks.FirstOrDefault(benchmark => benchmark.Name == name) is { RunAsync: { } run }) { return await run(rest); }

Console.Error.WriteLine("usage: dotnet run -c Release --project bench -- BENCHMARK [--help]");
foreach (var benchmark in benchmarks.DistinctBy(benchmark => benchmark.Name)) { Console.Error.WriteLine($"  {benchmark.Name,-18}{benchmark.Purpose}"); }
return 2;
