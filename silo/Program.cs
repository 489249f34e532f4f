using System.CommandLine;
using Ctwa.Silo.Hosting;

// The silo executable: computes, coordinates and keeps jobs. Started by `ctwa train` as a child process.
// Signals are the host's: the library would end the process two seconds after one.
return await SiloCommand.Create().Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
