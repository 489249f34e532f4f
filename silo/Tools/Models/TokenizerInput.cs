using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Ctwa.Training.Tokenization;

namespace Ctwa.Silo.Tools.Models;

/// <summary>The tokenizer that <c>--tokenizer</c> names, read and checked.</summary>
internal sealed class TokenizerInput : IDisposable
{
    private readonly string _path;
    private readonly string? _temporary;

    private TokenizerInput(string path, string? temporary)
    {
        (_path, _temporary) = (path, temporary);
        Loaded = HuggingFaceTokenizer.Load(path);
    }

    public HuggingFaceTokenizer Loaded { get; }

    /// <param name="named">A file, a folder, or the built-in tokenizer's name; null: none.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no tokenizer that can be used here.</exception>
    public static TokenizerInput? Open(string? named)
    {
        if (named is null) { return null; }
        if (named != TokenizerFile.Arithmetic || File.Exists(named) || Directory.Exists(named)) { return new TokenizerInput(Path.GetFullPath(named), null); }
        string temporary = Directory.CreateTempSubdirectory("ctwa-tokenizer-").FullName;
        ArithmeticTokenizer.WriteTo(temporary);
        return new TokenizerInput(temporary, temporary);
    }

    /// <summary>Puts its files into a folder: all that belong to it if it was given as a folder or as a tokenizer.json, else that file alone.</summary>
    public void CopyTo(string folder)
    {
        bool whole = Directory.Exists(_path);
        if (whole || Path.GetFileName(_path) == "tokenizer.json") { TokenizerFiles.Copy([whole ? Path.TrimEndingDirectorySeparator(_path) : Path.GetDirectoryName(_path)!], folder); }
        else { Loaded.CopyTo(folder); }
    }

    public void Dispose()
    {
        if (_temporary is not null) { Directory.Delete(_temporary, recursive: true); }
    }
}
