using System.CommandLine;
using Ctwa.Silo.Hosting;
using Ctwa.Silo.Tools;

// The silo executable: computes, coordinates and keeps jobs. Started by `ctwa train` as a child process, and by the verbs
// of `ctwa` that need models or data (`tool VERB ...`).
if (args is [ToolCommand.Word, ..]) { return await ToolCommand.InvokeAsync(args[1..]); }

// Signals are the host's: the library would end the process two seconds after one.
var parsed = SiloCommand.Create().Parse(args);
int code = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return parsed.Errors.Count > 0 ? ToolExitCodes.BadInput : code;
