"""What Linux says about the CPU."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def cpu_fields(cpuinfo: str) -> dict[str, str]:
    r"""Return the fields of a `/proc/cpuinfo`, each as it is said first.

    # Examples

    >>> cpu_fields("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f\n")
    {'vendor_id': 'AuthenticAMD', 'flags': 'fpu avx512f'}
    """
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields
