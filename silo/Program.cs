using System.CommandLine;
using Ctwa.Silo.Hosting;

// The silo executable: computes, coordinates and keeps jobs. Started by `ctwa train` as a child process.
return await SiloCommand.Create().Parse(args).InvokeAsync();
