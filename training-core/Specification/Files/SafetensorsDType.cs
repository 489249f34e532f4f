namespace Ctwa.Training.Specification;

/// <summary>Element types of the safetensors format; the names are those in the file.</summary>
#pragma warning disable CA1707 // Underscores: these are the names in the file.
public enum SafetensorsDType
{
    BOOL, U8, I8, F8_E4M3, F8_E5M2, U16, I16, F16, BF16, U32, I32, F32, U64, I64, F64,
}
#pragma warning restore CA1707

/// <summary>Sizes of <see cref="SafetensorsDType"/>.</summary>
public static class SafetensorsDTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this SafetensorsDType type) => type switch
    {
        SafetensorsDType.BOOL or SafetensorsDType.U8 or SafetensorsDType.I8 or SafetensorsDType.F8_E4M3 or SafetensorsDType.F8_E5M2 => 1,
        SafetensorsDType.U16 or SafetensorsDType.I16 or SafetensorsDType.F16 or SafetensorsDType.BF16 => 2,
        SafetensorsDType.U32 or SafetensorsDType.I32 or SafetensorsDType.F32 => 4,
        _ => 8,
    };
}
