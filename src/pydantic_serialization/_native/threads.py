"""What the C library says of the running thread."""

from __future__ import annotations

import ctypes
import sys
import threading


def size_of_stack() -> int | None:
    """Return the bytes of the thread's stack; ``None`` if nobody tells.

    By pthread_getattr_np of glibc and musl, and pthread_get_stacksize_np of macOS.
    """
    try:
        if sys.platform == "darwin":
            return _size_on_macos()
        if sys.platform.startswith("linux"):
            return _size_on_linux()
    except (OSError, AttributeError):  # another C library
        pass
    return None


def _size_on_linux() -> int | None:
    library = ctypes.CDLL(None)
    thread, attributes = ctypes.c_ulong(threading.get_ident()), ctypes.create_string_buffer(256)
    size = ctypes.c_size_t()
    if library.pthread_getattr_np(thread, attributes):
        return None
    failed = library.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    library.pthread_attr_destroy(attributes)
    # musl tells of the first thread's stack what is in use, not how far it may grow.
    is_growing = threading.get_native_id() == threading.main_thread().native_id
    return None if failed else max(size.value, 8 << 20) if is_growing and size.value < (1 << 20) else size.value


def _size_on_macos() -> int:
    library = ctypes.CDLL(None)
    library.pthread_get_stacksize_np.restype = ctypes.c_size_t
    return int(library.pthread_get_stacksize_np(ctypes.c_void_p(threading.get_ident())))
