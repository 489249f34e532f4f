using System.Buffers.Binary;
using System.Text;

namespace Ctwa.Training.Native;

/// <summary>Edits the symbol-version needs of a shared library's image in memory.</summary>
internal static class ElfVersionNeed
{
    private const uint SectionTypeVersionNeed = 0x6ffffffe; // SHT_GNU_verneed
    private const byte VersionFlagWeak = 0x2;               // VER_FLG_WEAK

    /// <summary>
    /// Marks one version need as weak, so that the dynamic loader tolerates its absence.
    /// </summary>
    /// <param name="image">An ELF64 little-endian shared library; changed in place.</param>
    /// <param name="version">Version name, such as <c>GLIBCXX_3.4.32</c>.</param>
    /// <returns>False if the image is no such library or has no such need.</returns>
    public static bool MakeWeak(Span<byte> image, string version)
    {
        ReadOnlySpan<byte> magic = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1];
        if (image.Length < 64 || !image[..6].SequenceEqual(magic)) { return false; }

        byte[] wanted = Encoding.ASCII.GetBytes(version + '\0');
        int sectionTable = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(image[0x28..]));
        int sectionSize = ReadUInt16(image, 0x3A), sectionCount = ReadUInt16(image, 0x3C);
        for (int index = 0; index < sectionCount; index++)
        {
            int section = sectionTable + index * sectionSize;
            if (ReadUInt32(image, section + 4) != SectionTypeVersionNeed) { continue; }

            int linkedSection = (int)ReadUInt32(image, section + 40);
            int strings = (int)ReadUInt32(image, sectionTable + linkedSection * sectionSize + 24);
            for (int need = (int)ReadUInt32(image, section + 24), next = 1; next != 0; need += next)
            {
                int auxiliary = need + (int)ReadUInt32(image, need + 8);
                for (int left = ReadUInt16(image, need + 2); left > 0; left--)
                {
                    if (image[(strings + (int)ReadUInt32(image, auxiliary + 8))..].StartsWith(wanted))
                    {
                        image[auxiliary + 4] |= VersionFlagWeak;
                        return true;
                    }

                    auxiliary += (int)ReadUInt32(image, auxiliary + 12);
                }

                next = (int)ReadUInt32(image, need + 12);
            }
        }

        return false;
    }

    private static ushort ReadUInt16(Span<byte> image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image[at..]);

    private static uint ReadUInt32(Span<byte> image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image[at..]);
}
