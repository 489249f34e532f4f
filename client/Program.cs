using System.Globalization;
using Ctwa.Client.Commands;
using Ctwa.Client.Output;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
LastingWriter.Install();
return await CtwaCommand.InvokeAsync(args);
