using Ctwa.Grid.Tls;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Ctwa.Silo.Hosting.Tls;

/// <summary>Encrypts what a silo sends and receives. Between silos both sides show certificates; a client needs none, it shows its token.</summary>
internal static class SiloTls
{
    /// <summary>Puts TLS under Orleans' connections.</summary>
    public static ISiloBuilder UseTls(this ISiloBuilder silo, TlsLink link) => silo.Configure<SiloConnectionOptions>(connections =>
    {
        connections.ConfigureSiloInboundConnection(builder => builder.Use(next => link.Accept(next, mutual: true)));
        connections.ConfigureSiloOutboundConnection(builder => builder.Use(link.Connect));
        connections.ConfigureGatewayInboundConnection(builder => builder.Use(next => link.Accept(next, mutual: false)));
    });
}
