using System.Globalization;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>Numbers and times for people.</summary>
internal static class Figures
{
    /// <summary>Three decimals where they mean something, whole numbers up to ten millions, else four digits.</summary>
    public static string Short(double value) => value.ToString(Math.Abs(value) switch
    {
        0 or (>= 0.001 and < 1000) => "0.000",
        >= 1000 and < 1e7 => "#,0",
        _ => "0.###E+0",
    }, CultureInfo.InvariantCulture);

    /// <inheritdoc cref="Short(double)"/>
    public static string Short(MetricNumber number) => Short(number.Value);

    /// <summary>A number of a run: short to read, whole for programs.</summary>
    public static Html Exact(MetricNumber? number) => number is { } value
        ? new Html().Add($"""<data value="{value.Text}" title="{value.Text}">{Short(value)}</data>""")
        : new Html().Add($"–");

    /// <summary><c>24.0 GB</c>.</summary>
    public static string Bytes(long bytes) => bytes <= 0 ? "–" : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB");

    /// <summary><c>12 s</c>, <c>3 min</c>, <c>2 h 5 min</c>, <c>4 d 2 h</c>.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 0 } => "0 s",
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalDays} d {time.Hours} h"),
    };

    /// <summary>A moment, for people and programs.</summary>
    public static Html Moment(DateTimeOffset? at) => at is { } time
        ? new Html().Add($"""<time datetime="{time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)}">{time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)}</time>""")
        : new Html().Add($"–");
}
