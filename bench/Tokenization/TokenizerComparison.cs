using System.Globalization;
using System.Text;
using Ctwa.Bench.Measuring;

namespace Ctwa.Bench.Tokenization;

/// <summary>Has tokenizers take turns on the same texts.</summary>
internal sealed class TokenizerComparison(BenchmarkReport report, BenchOptions options, string file)
{
    private readonly int _rounds = options.RoundsOr(full: 7, quick: 3);

    /// <param name="sets">Texts that all have seen, with the ends of their keys.</param>
    /// <param name="unseen">Texts for tokenizers that have just been loaded.</param>
    public void Run((string Suffix, string What, List<string> Texts)[] sets, List<string> unseen)
    {
        var ours = TokenizerContestant.Ours(file);
        var rust = TokenizerContestant.HuggingFace(file);
        if (options.Wants("tokenizer_encode_first")) { FirstTime(unseen, rust.Name); }
        foreach (var (suffix, what, texts) in sets) { Compare(suffix, what, texts, ours, rust); }
        try { Compare("_ml", sets[0].What, sets[0].Texts, ours, TokenizerContestant.MicrosoftMl(file)); }
        catch (NotSupportedException reason) { Console.WriteLine($"| tokenizer, Microsoft.ML.Tokenizers | skipped: {reason.Message} | | | | |"); }
    }

    private void FirstTime(List<string> texts, string name)
    {
        double[][] seconds = Interleaved.Seconds(_rounds, 1, Fresh(TokenizerContestant.Ours), Fresh(TokenizerContestant.HuggingFace));
        report.Add(Comparison.OfRates("tokenizer_encode_first", $"{Of(texts)} code and prose encoded, seen for the first time by tokenizers that have just been loaded", "MB/s", Megabytes(texts), seconds[0], name, seconds[1]));

        Func<double> Fresh(Func<string, TokenizerContestant> load) => () =>
        {
            var loaded = load(file);
            GC.Collect();
            return Interleaved.Timed(() => EncodeAll(loaded, texts))();
        };
    }

    private void Compare(string suffix, string what, List<string> texts, TokenizerContestant ours, TokenizerContestant theirs)
    {
        string encode = "tokenizer_encode" + suffix, decode = "tokenizer_decode" + suffix;
        if (!options.Wants(encode) && !options.Wants(decode)) { return; }
        int[][] ids = [.. texts.Select(ours.Ids)];
        // One copy of repeated texts is enough to compare.
        string equal = Difference(texts.Distinct().ToList(), text => string.Join(' ', ours.Ids(text)), text => string.Join(' ', theirs.Ids(text)), "ids");
        var distinct = ids.DistinctBy(one => string.Join(' ', one)).ToList();
        string equalTexts = Difference(distinct, one => ours.Decoder(one)(), one => theirs.Decoder(one)(), "texts");
        Func<string>[] ourDecoders = [.. ids.Select(ours.Decoder)], theirDecoders = [.. ids.Select(theirs.Decoder)];
        if (options.Wants(encode))
        {
            PeakMemory.Reset();
            EncodeAll(ours, texts);
            long? peak = PeakMemory.Read();
            double[][] seconds = Interleaved.Seconds(_rounds, 1, Interleaved.Timed(() => EncodeAll(ours, texts)), Interleaved.Timed(() => EncodeAll(theirs, texts)));
            report.Add(Comparison.OfRates(encode, $"{what}, {Of(texts)} encoded, {equal}", "MB/s", Megabytes(texts), seconds[0], theirs.Name, seconds[1], peak: peak));
        }

        if (options.Wants(decode))
        {
            double[][] seconds = Interleaved.Seconds(_rounds, 1, Interleaved.Timed(() => DecodeAll(ourDecoders)), Interleaved.Timed(() => DecodeAll(theirDecoders)));
            report.Add(Comparison.OfRates(decode, $"{what}, decoded, {equalTexts}", "MB/s", Megabytes(texts), seconds[0], theirs.Name, seconds[1]));
        }
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
