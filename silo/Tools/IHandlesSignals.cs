namespace Ctwa.Silo.Tools;

/// <summary>A command that decides itself what Ctrl-C does. Its cancellation token is never set; an unhandled signal ends the process.</summary>
internal interface IHandlesSignals;
