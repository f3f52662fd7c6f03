/* bcryptprimitives.dll for a Wine that has none (8.0 in Debian 12): Rust's standard library takes
 * its random numbers from ProcessPrng. Only for the smoke test; Windows has the real one. */
#include <windows.h>

/* RtlGenRandom by its exported name, in advapi32. */
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    return SystemFunction036(data, (ULONG)size);
}
