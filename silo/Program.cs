using Ctwa.Silo.Hosting;
using Ctwa.Silo.Hosting.Options;
using Ctwa.Silo.Tools;

// The silo executable: computes, coordinates and keeps jobs. Started by `ctwa train` and `ctwa up` as a child process, by
// hand or by a service manager, and by the verbs of `ctwa` that need models or data (`tool VERB ...`).
return args is [ToolCommand.Word, ..]
    ? await ToolCommand.InvokeAsync(args[1..])
    : await SiloCommand.InvokeAsync(args, SiloHost.RunAsync);
