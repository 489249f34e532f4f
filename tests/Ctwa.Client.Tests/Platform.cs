using System.Runtime.Versioning;

// The silos of these tests are shell scripts.
[assembly: SupportedOSPlatform("linux")]
