using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.Training.Specification;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Jobs.Access;

/// <summary>The file of tokens, read again when it changes: a token that is taken out is refused within seconds.</summary>
internal sealed class TokenFile : ICallerDirectory
{
    private static readonly TimeSpan s_lookEvery = TimeSpan.FromSeconds(2);
    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly ILogger<TokenFile> _logger;
    private volatile TokenTable _table;
    private (string Path, DateTime Written, long Length) _version;
    private long _looked;

    /// <exception cref="InvalidDataException">The file is no list of tokens.</exception>
    public TokenFile(GridTokensFile file, TimeProvider time, ILogger<TokenFile> logger)
    {
        (_path, _time, _logger) = (file.Path, time, logger);
        _version = Version();
        _looked = time.GetTimestamp();
        _table = TokenTable.Read(_path);
    }

    /// <summary>Whose token it is; null: nobody's.</summary>
    public GridCaller? Find(string? token)
    {
        if (_time.GetElapsedTime(Interlocked.Read(ref _looked)) > s_lookEvery) { Refresh(); }
        return token is null ? null : _table.Find(token);
    }

    /// <inheritdoc/>
    public GridPerson? FindPerson(string token) => Find(token) is { } caller ? new GridPerson(caller.Name, caller.Role) : null;

    private void Refresh()
    {
        lock (_gate)
        {
            if (_time.GetElapsedTime(Interlocked.Read(ref _looked)) <= s_lookEvery) { return; }
            Interlocked.Exchange(ref _looked, _time.GetTimestamp());
            try
            {
                var version = Version();
                if (version == _version) { return; }
                _version = version;
                _table = TokenTable.Read(_path);
            }
            catch (Exception broken) when (broken is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                // A slip in an editor must not lock everybody out, nor let anybody in.
                _logger.LogError("the tokens as they were before stay valid: {Reason}", broken.Message);
            }
        }
    }

    private (string, DateTime, long) Version()
    {
        if (!File.Exists(_path)) { return default; }
        // Kubernetes mounts a file of a Secret as a link through a folder that is a link too, and replaces that: where it leads is part of
        // the version, since two files may be of one length and one moment.
        var file = new FileInfo(RealPath.Of(Path.GetFullPath(_path)));
        return (file.FullName, file.LastWriteTimeUtc, file.Length);
    }
}
