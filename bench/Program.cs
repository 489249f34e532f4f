// Measurements that documents quote. One class per benchmark, one line here.
return args switch
{
    ["quickstart", .. var rest] => await Ctwa.Bench.QuickstartBenchmark.RunAsync(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project bench -- quickstart [--help]");
    return 2;
}
