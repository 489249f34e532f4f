using System.Globalization;
using System.Text;
using Ctwa.Bench.Measuring;

namespace Ctwa.Bench.Tokenization;

/// <summary>Has tokenizers take turns on the same texts.</summary>
internal sealed class TokenizerComparison(BenchmarkReport report, BenchOptions options, string file)
{
    private readonly int _rounds = options.RoundsOr(full: 7, quick: 3);

    /// <param name="sets">Texts that all have seen, with the ends of their keys; of the first there is a line for every public tokenizer.</param>
    /// <param name="unseen">Texts for tokenizers that have just been loaded.</param>
    public void Run((string Suffix, string What, List<string> Texts)[] sets, List<string> unseen)
    {
        var theirs = new List<(Func<string, TokenizerContestant> Load, TokenizerContestant Loaded)>();
        foreach (var load in TokenizerContestant.Public)
        {
            try { theirs.Add((load, load(file))); }
            catch (NotSupportedException reason) { Console.WriteLine($"a public tokenizer is left out: {reason.Message}"); }
        }

        FirstTime(unseen, [TokenizerContestant.Ours, .. theirs.Select(one => one.Load)], [.. theirs.Select(one => one.Loaded)]);
        var ours = TokenizerContestant.Ours(file);
        foreach (var (suffix, what, texts) in sets)
        {
            Encode("tokenizer_encode" + suffix, $"{what}, {Of(texts)} encoded", texts, ours, [.. theirs.Select(one => one.Loaded)], each: suffix.Length == 0);
            Decode("tokenizer_decode" + suffix, $"{what}, decoded", texts, ours, [.. theirs.Select(one => one.Loaded)], each: suffix.Length == 0);
        }
    }

    private void FirstTime(List<string> texts, Func<string, TokenizerContestant>[] contestants, TokenizerContestant[] theirs)
    {
        const string Key = "tokenizer_encode_first";
        if (!options.Wants(Key)) { return; }
        double[][] seconds = Interleaved.Seconds(_rounds, 1, [.. contestants.Select(Fresh)]);
        Add(Key, $"{Of(texts)} code and prose encoded, seen for the first time by tokenizers that have just been loaded", texts, seconds, theirs, [.. theirs.Select(_ => "")], each: false, peak: null);

        Func<double> Fresh(Func<string, TokenizerContestant> load) => () =>
        {
            var loaded = load(file);
            GC.Collect();
            return Interleaved.Timed(() => EncodeAll(loaded, texts))();
        };
    }

    private void Encode(string key, string what, List<string> texts, TokenizerContestant ours, TokenizerContestant[] theirs, bool each)
    {
        if (!options.Wants(key) && !(each && theirs.Any(one => options.Wants($"{key}_{one.Key}")))) { return; }
        // Of repeated texts one is enough to compare.
        List<string> distinct = [.. texts.Distinct()];
        string[] equal = [.. theirs.Select(one => ", " + Difference(distinct, text => string.Join(' ', ours.Ids(text)), text => string.Join(' ', one.Ids(text)), "ids"))];
        PeakMemory.Reset();
        EncodeAll(ours, texts);
        long? peak = PeakMemory.Read();
        double[][] seconds = Interleaved.Seconds(_rounds, 1, [.. ((TokenizerContestant[])[ours, .. theirs]).Select(one => Interleaved.Timed(() => EncodeAll(one, texts)))]);
        Add(key, what, texts, seconds, theirs, equal, each, peak);
    }

    private void Decode(string key, string what, List<string> texts, TokenizerContestant ours, TokenizerContestant[] theirs, bool each)
    {
        if (!options.Wants(key) && !(each && theirs.Any(one => options.Wants($"{key}_{one.Key}")))) { return; }
        int[][] ids = [.. texts.Select(ours.Ids)];
        List<int[]> distinct = [.. ids.DistinctBy(one => string.Join(' ', one))];
        string[] equal = [.. theirs.Select(one => ", " + Difference(distinct, tokens => ours.Decoder(tokens)(), tokens => one.Decoder(tokens)(), "texts"))];
        double[][] seconds = Interleaved.Seconds(_rounds, 1, [.. ((TokenizerContestant[])[ours, .. theirs]).Select(one =>
        {
            Func<string>[] decoders = [.. ids.Select(one.Decoder)];
            return Interleaved.Timed(() => DecodeAll(decoders));
        })]);
        Add(key, what, texts, seconds, theirs, equal, each, peak: null);
    }

    /// <summary>A line against the fastest of the public ones, and one for each if that is wanted.</summary>
    /// <param name="seconds">[contestants][rounds]; ours first.</param>
    private void Add(string key, string what, List<string> texts, double[][] seconds, TokenizerContestant[] theirs, string[] equal, bool each, long? peak)
    {
        int fastest = Enumerable.Range(0, theirs.Length).MinBy(i => Figure.MedianOf(seconds[i + 1]));
        if (options.Wants(key)) { report.Add(Line(key, fastest)); }
        for (int i = 0; each && i < theirs.Length; i++)
        {
            if (options.Wants($"{key}_{theirs[i].Key}")) { report.Add(Line($"{key}_{theirs[i].Key}", i)); }
        }

        Comparison Line(string name, int rival) => Comparison.OfRates(name, what + equal[rival], "MB/s", Megabytes(texts), seconds[0], theirs[rival].Name, seconds[rival + 1], peak: peak);
    }

    private static void EncodeAll(TokenizerContestant tokenizer, List<string> texts)
    {
        foreach (string text in texts) { GC.KeepAlive(tokenizer.Encode(text)); }
    }

    private static void DecodeAll(Func<string>[] decoders)
    {
        foreach (var decoder in decoders) { GC.KeepAlive(decoder()); }
    }

    private static double Megabytes(List<string> texts) => texts.Sum(text => (double)Encoding.UTF8.GetByteCount(text)) / 1e6;

    private static string Of(List<string> texts) => string.Create(CultureInfo.InvariantCulture, $"{Megabytes(texts):0.0} MB");

    /// <summary>Whether two give the same everywhere, in words.</summary>
    internal static string Difference<T>(List<T> inputs, Func<T, string> ours, Func<T, string> theirs, string what)
    {
        int first = -1, count = 0;
        for (int i = 0; i < inputs.Count; i++)
        {
            if (string.Equals(ours(inputs[i]), theirs(inputs[i]), StringComparison.Ordinal)) { continue; }
            if (count++ == 0) { first = i; }
        }

        return count == 0 ? $"equal {what}" : $"{what} DIFFER in {count} of {inputs.Count} (first: number {first})";
    }
}
