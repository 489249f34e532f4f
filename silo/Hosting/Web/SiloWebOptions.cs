using System.Net;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>What the silo's HTTP server serves, and where.</summary>
/// <param name="Bind">Address that it listens on.</param>
/// <param name="Dashboard">Serve the Orleans dashboard.</param>
internal sealed record SiloWebOptions(IPAddress Bind, bool Dashboard);
