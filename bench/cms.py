# SPDX-License-Identifier: Apache-2.0
"""CMS_verify of OpenSSL's library, by ctypes: a process for each notification
would be most of what a simulation of gateways does."""

import ctypes
import ctypes.util

_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
CMS_BINARY = 0x80
_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_long


def _declare(name, result, *arguments):
    function = getattr(_crypto, name)
    function.restype, function.argtypes = result, arguments
    return function


_bio_read = _declare("BIO_new_mem_buf", _P, ctypes.c_char_p, _I)
_bio_method = _declare("BIO_s_mem", _P)
_bio_new = _declare("BIO_new", _P, _P)
_bio_free = _declare("BIO_free", _I, _P)
_bio_ctrl = _declare("BIO_ctrl", _L, _P, _I, _L, ctypes.POINTER(_P))
_decode = _declare("d2i_CMS_bio", _P, _P, _P)
_cms_free = _declare("CMS_ContentInfo_free", None, _P)
_cms_verify = _declare("CMS_verify", _I, _P, _P, _P, _P, _P,
                       ctypes.c_uint)
_store_new = _declare("X509_STORE_new", _P)
_store_load = _declare("X509_STORE_load_locations", _I, _P, ctypes.c_char_p,
                       ctypes.c_char_p)
_GET_MEM_PTR = 3  # BIO_CTRL_INFO: BIO_get_mem_data


class Verifier:
    """Of what signers below one anchor sign."""

    def __init__(self, anchor):
        self.store = _store_new()
        if _store_load(self.store, str(anchor).encode(), None) != 1:
            raise RuntimeError(f"{anchor}, want a certificate in PEM")

    def content(self, der):
        """What was signed; None where no signature holds."""
        source, sink = _bio_read(der, len(der)), _bio_new(_bio_method())
        cms = _decode(source, None)
        try:
            if not cms or _cms_verify(cms, None, self.store, None, sink,
                                      CMS_BINARY) != 1:
                return None
            start = _P()
            length = _bio_ctrl(sink, _GET_MEM_PTR, 0, ctypes.byref(start))
            return ctypes.string_at(start, length)
        finally:
            _cms_free(cms)
            _bio_free(source)
            _bio_free(sink)
