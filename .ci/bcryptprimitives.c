/*
 * The one function of bcryptprimitives.dll that Rust's standard library needs and older Wine lacks: random bytes,
 * taken from advapi32 instead. Wine alone loads this; it is never shipped.
 */

#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    const ULONG most = 1UL << 30;

    while (length > 0) {
        ULONG part = length > most ? most : (ULONG)length;

        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
