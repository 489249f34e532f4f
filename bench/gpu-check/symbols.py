#!/usr/bin/env python3
"""Which symbols that TorchSharp's native library needs does a libtorch lack?

usage: symbols.py libLibTorchSharp.so TORCH_LIB_FOLDER [JSON_LINES_FILE]

The loader binds functions when they are first called, so a lacking function ends the process only then; lacking data
(a virtual table) makes the load itself fail. This looks all of them up beforehand. Prints one JSON line and adds it to the file.
"""
import ctypes
import json
import os
import struct
import sys


def undefined(path):
    """Names of the undefined dynamic symbols of an ELF64 library, with their type (1: data, 2: function, 0: unknown)."""
    with open(path, "rb") as file:
        image = file.read()
    table, = struct.unpack_from("<Q", image, 0x28)
    size, count = struct.unpack_from("<HH", image, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + i * size) for i in range(count)]
    for _, kind, _, _, offset, length, link, _, _, entry in sections:
        if kind != 11:  # SHT_DYNSYM
            continue
        strings = sections[link][4]
        for at in range(offset, offset + length, entry):
            name, info, _, section = struct.unpack_from("<IBBH", image, at)
            if section == 0 and name and info >> 4 != 2:  # weak ones may stay undefined
                start = strings + name
                yield image[start:image.index(b"\0", start)].decode(), info & 15


def main(library, folder, output=None):
    handles = []
    for name in ("libc10.so", "libtorch_cpu.so", "libtorch_cuda.so", "libtorch.so"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            handles.append(ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL))
    handles.append(ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL))
    everything = ctypes.CDLL(None)
    find = ctypes.CDLL(None).dlsym
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]
    needed = list(undefined(library))
    missing = [name for name, _ in needed if not find(everything._handle, name.encode())]
    error = None
    try:
        ctypes.CDLL(library)
    except OSError as reason:
        error = str(reason)
    line = json.dumps({"part": "symbols", "who": "libtorch", "folder": folder, "needed": len(needed), "missing": missing, "load_error": error})
    print(line)
    if output:
        with open(output, "a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
