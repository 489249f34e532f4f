using System.CommandLine;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.Commands;

/// <summary><c>--silo</c> of the verbs that start silos.</summary>
internal static class SiloOption
{
    public static Option<string?> Create() => new("--silo") { Description = $"Path of ctwa-silo or ctwa-silo.dll. Default: {SiloCommand.Variable}, then beside ctwa, then on the PATH.", HelpName = "FILE" };
}
