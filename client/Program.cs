using System.Globalization;
using Ctwa.Client.Commands;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
return await CtwaCommand.InvokeAsync(args);
